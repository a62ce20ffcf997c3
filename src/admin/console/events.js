// Events as they are answered, with what every route said and why.

import {query} from './api.js';
import {h, show} from './dom.js';
import {live, watched} from './live.js';
import {at, badge, filters, heading, labels} from './pieces.js';
import {duration, t} from './text.js';

const OUTCOMES = ['taken', 'delivered', 'accepted', 'duplicate', 'ignored', 'refused', 'rate_limited', 'failed', 'handshake'];

export function events(view, context) {
  const made = watched(view, context, {
    names: ['route', 'target', 'outcome', 'status', 'label', 'text'],
    make: (values, signal) => live({kind: 'events', event: 'event', filters: values, signal, row,
      columns: [t('column.time'), t('column.event'), t('column.outcome'), t('column.routes'), t('column.duration')],
      nothing: [t('events.none'), t('events.none.why')]}),
  });
  const fields = [{name: 'route'}, {name: 'target'}, {name: 'outcome', options: OUTCOMES}, {name: 'status', hint: '4xx'}, {name: 'label', hint: 'order:4711'}, {name: 'text', hint: t('filter.text.hint')}];
  show(view, heading(t('events.title'), t('events.lead'), made.actions), filters(fields, made.values, made.changed), made.place);
  context.keys({p: made.toggle});
}

function row(entry) {
  const sent = entry.routes.some((route) => route.outcome === 'taken');
  return h('tr', {},
    h('td', {class: 'time', 'data-title': t('column.time')}, at(entry.time)),
    h('td', {class: 'main'}, h('span', {class: 'method'}, entry.method), h('code', {}, entry.path), h('small', {}, t('events.from', {address: entry.client_ip}))),
    h('td', {'data-title': t('column.outcome')}, badge(entry.outcome), h('code', {}, entry.status), entry.error !== '' && h('span', {class: 'why'}, entry.error)),
    h('td', {class: 'asked'}, asked(entry), h('div', {class: 'labels'}, labels(entry.labels)), sent && h('a', {class: 'quiet-link', href: `#/deliveries${query({text: entry.request_id})}`}, t('events.deliveries'))),
    h('td', {class: 'count', 'data-title': t('column.duration')}, duration(entry.duration_ms)));
}

// What each route said to an event, and the targets that were left out.
export function asked(event) {
  if (event.routes.length === 0) return h('p', {class: 'faint'}, t('events.no_routes'));
  return h('ul', {class: 'plain'},
    event.routes.map((route) => h('li', {}, badge(route.outcome), ' ', h('b', {}, route.route), route.reason !== '' && h('span', {class: 'why'}, route.reason))),
    event.skipped.map((skipped) => h('li', {}, badge('skipped'), ' ', h('b', {}, `${skipped.route} → ${skipped.target}`), h('span', {class: 'why'}, skipped.reason))));
}
