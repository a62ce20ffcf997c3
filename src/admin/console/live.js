// A list that fills as things happen: what is remembered first, then the stream, filtered by the listener.

import {ask, follow, query} from './api.js';
import {h, show} from './dom.js';
import {empty, failure, loading} from './pieces.js';
import {t} from './text.js';

// Rows that a page holds; the oldest go.
const ROWS_MAX = 300;

// `kind` is `deliveries` or `events`, `row(entry)` its element, `columns` its titles.
export function live({kind, event, filters, columns, row, signal, nothing}) {
  const body = h('tbody', {});
  const table = h('table', {class: `list ${kind}`, hidden: true}, h('thead', {}, h('tr', {}, columns.map((title) => h('th', {scope: 'col'}, title)))), body);
  const place = h('div', {class: 'list-place'}, loading());
  const state = h('span', {class: 'live away', role: 'status'}, t('live.away'));
  const pause = h('button', {type: 'button', id: 'pause', 'aria-pressed': 'false', 'aria-keyshortcuts': 'p', onclick: () => toggle()}, t('live.pause'));
  const said = h('p', {class: 'said', role: 'status', hidden: true});
  let held = null;
  let dismiss;

  function toggle() {
    const fresh = held;
    held = held === null ? [] : null;
    pause.setAttribute('aria-pressed', String(held !== null));
    show(pause, held === null ? t('live.pause') : t('live.resume'));
    if (fresh) fresh.forEach(add);
  }

  function say(text) {
    show(said, text);
    said.hidden = false;
    clearTimeout(dismiss);
    dismiss = setTimeout(() => { said.hidden = true; }, 10_000);
  }

  function add(entry) {
    if (table.hidden) {
      table.hidden = false;
      place.hidden = true;
    }
    const fresh = row(entry);
    fresh.classList.add('fresh');
    body.prepend(fresh);
    while (body.rows.length > ROWS_MAX) body.rows[body.rows.length - 1].remove();
  }

  function heard(name, data) {
    if (name === 'missed') return say(t('live.missed', {n: data.missed}));
    if (name === 'dropped') return say(t('live.dropped', {n: data.missed}));
    if (name !== event) return undefined;
    if (held === null) return add(data);
    held.push(data);
    if (held.length > ROWS_MAX) held.shift();
    return show(pause, t('live.resume'), ' ', h('span', {class: 'held'}, held.length));
  }

  async function begin() {
    show(place, loading());
    try {
      const listed = await ask(`/${kind}${query({...filters, limit: ROWS_MAX})}`, {signal});
      const entries = listed[kind];
      table.hidden = entries.length === 0;
      place.hidden = entries.length > 0;
      show(place);
      if (entries.length === 0) show(place, Object.values(filters).some(Boolean) ? empty(t('filter.none'), t('filter.none.live')) : empty(...nothing));
      show(body, entries.map(row));
      follow(`/${kind}/stream${query(filters)}`, {after: listed.last_id, signal, heard, state: (word) => {
        state.className = `live ${word}`;
        show(state, t(`live.${word}`));
      }});
    } catch (error) {
      if (!signal.aborted && error.status !== 401) show(place, failure(error, begin));
    }
  }

  begin();
  signal.addEventListener('abort', () => clearTimeout(dismiss));
  return {elements: [said, place, table], actions: [state, pause], toggle};
}

// Filters of the address, and a list that begins anew when they change.
export function watched(view, {signal, parameters, go}, {names, make}) {
  let inner;
  const place = h('div', {});
  const actions = h('div', {class: 'actions'});
  let current;
  function begin(values) {
    inner?.abort();
    inner = new AbortController();
    current = make(values, inner.signal);
    show(actions, current.actions);
    show(place, current.elements);
  }
  const values = Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? '']));
  signal.addEventListener('abort', () => inner?.abort());
  begin(values);
  return {place, actions, values, toggle: () => current.toggle(), changed: (next) => { go(next); begin(next); }};
}
