// Pieces that several views are made of.

import {h, svg, show} from './dom.js';
import {ago, clock, duration, moment, number, percent, t, word} from './text.js';

const GOOD = new Set(['success', 'delivered', 'applied', 'unchanged', 'taken', 'sent', 'duplicate', 'accepted', 'queued']);
const QUIET = new Set(['ignored', 'skipped', 'handshake', 'unsettled', 'withheld']);

export function tone(outcome) {
  if (GOOD.has(outcome)) return 'good';
  return QUIET.has(outcome) ? 'quiet' : 'bad';
}

// An outcome as people read it; the word of the logs is in its title.
export function badge(outcome) {
  return h('span', {class: `badge ${tone(outcome)}`, title: outcome}, word('outcome', outcome));
}

export function chip(text, title) {
  return h('span', {class: 'chip', title}, text);
}

// How long ago, kept up to date by `tick`.
export function since(time) {
  if (!time) return h('span', {class: 'faint'}, '–');
  return h('time', {datetime: time, title: moment(time), 'data-since': ''}, ago(time));
}

export function at(time) {
  return h('time', {datetime: time, title: moment(time)}, clock(time));
}

export function tick() {
  for (const element of document.querySelectorAll('time[data-since]')) {
    const text = ago(element.dateTime);
    if (element.textContent !== text) element.textContent = text;
  }
}

export function labels(of) {
  const entries = Object.entries(of ?? {});
  return entries.map(([name, value]) => h('span', {class: 'label'}, h('b', {}, name), ' ', value));
}

// Nothing to show, and what to do about it.
export function empty(title, text, action) {
  return h('div', {class: 'empty'}, h('p', {class: 'empty-title'}, title), text && h('p', {}, text), action);
}

export function loading() {
  return h('div', {class: 'loading', role: 'status'}, h('span', {class: 'spinner', 'aria-hidden': 'true'}), t('loading'));
}

// What went wrong, and another try.
export function failure(error, again) {
  const text = error.status === 0 ? t('error.unreachable') : t('error.status', {status: String(error.status ?? ''), detail: error.message});
  return h('div', {class: 'failure', role: 'alert'}, h('p', {}, text), again && h('button', {type: 'button', onclick: again}, t('error.again')));
}

export function heading(title, text, ...actions) {
  document.title = `${title} · hookswitch`;
  return h('div', {class: 'heading'}, h('div', {}, h('h1', {}, title), text && h('p', {class: 'lead'}, text)), h('div', {class: 'actions'}, actions));
}

// Deliveries of the last hour by the minute: a bar each, failures on top.
export function sparkline(minutes) {
  const [width, height, gap] = [3, 26, 1];
  const most = Math.max(1, ...minutes.succeeded.map((count, at) => count + minutes.failed[at]));
  const sum = (counts) => counts.reduce((one, other) => one + other, 0);
  const label = t('sparkline', {succeeded: sum(minutes.succeeded), failed: sum(minutes.failed)});
  const bars = minutes.succeeded.flatMap((succeeded, at) => {
    const tall = (count) => (count === 0 ? 0 : Math.max(2, (count / most) * height));
    const [good, bad] = [tall(succeeded), tall(minutes.failed[at])];
    const bar = (kind, y, size) => size > 0 && svg('rect', {class: kind, x: at * (width + gap), y, width, height: size});
    const top = Math.max(0, height - good - bad);
    return [bar('spark-good', height - good, good), bar('spark-bad', top, Math.min(bad, height - top))];
  });
  const total = minutes.succeeded.length * (width + gap);
  return svg('svg', {class: 'spark', viewBox: `0 0 ${total} ${height + 1}`, role: 'img', 'aria-label': label, preserveAspectRatio: 'none'},
    svg('title', {}, label), svg('rect', {class: 'spark-base', x: 0, y: height, width: total, height: 1}), bars);
}

// Attempts and waits for a turn against time: where each began and how long it took, pauses between them left free.
export function waterfall(attempts, total, waits = []) {
  if (attempts.length + waits.length === 0) return h('p', {class: 'faint'}, t('delivery.no_attempts'));
  const at = (one) => new Date(one.time).getTime();
  // What begins in one millisecond: the wait was before the attempt.
  const steps = [...waits, ...attempts].sort((one, other) => at(one) - at(other));
  const began = at(steps[0]);
  const ends = steps.map((step) => at(step) - began + step.duration_ms);
  const span = Math.max(total, ...ends, 0.001);
  const share = (value) => `${Math.min(100, (value / span) * 100).toFixed(3)}%`;
  const rows = steps.map((step, index) => {
    const isAttempt = step.n !== undefined;
    const offset = at(step) - began;
    const paused = index === 0 || !isAttempt ? 0 : Math.max(0, offset - ends[index - 1]);
    const width = `${Math.max(0.6, Math.min(100, (step.duration_ms / span) * 100)).toFixed(3)}%`;
    const bar = svg('svg', {class: 'fall', 'aria-hidden': 'true'},
      svg('rect', {class: 'fall-track', x: 0, y: 6, width: '100%', height: 4, rx: 2}),
      svg('rect', {class: `fall-bar ${isAttempt ? tone(step.outcome) : 'quiet'}`, x: share(Math.min(offset, span * 0.994)), y: 2, width, height: 12, rx: 3}));
    return h('li', {},
      h('span', {class: 'fall-number'}, isAttempt && t('attempt.number', {number: step.n})),
      isAttempt ? h('span', {class: 'fall-what'}, badge(step.outcome), step.status !== null && h('code', {}, step.status),
        step.ambiguous && h('span', {class: 'chip warn', title: t('attempt.ambiguous.why')}, t('attempt.ambiguous')))
        : h('span', {class: 'fall-what'}, t('wait'), ' ', chip(t(`wait.${step.reason}`))),
      bar,
      h('span', {class: 'fall-time'}, duration(step.duration_ms), paused >= 1 && h('small', {}, t('attempt.waited', {time: duration(paused)}))));
  });
  return h('div', {class: 'waterfall'}, attempts.length === 0 && h('p', {class: 'faint'}, t('delivery.no_attempts')), h('ol', {}, rows),
    h('div', {class: 'fall-axis', 'aria-hidden': 'true'}, h('span', {}, h('span', {}, '0'), h('span', {}, duration(span / 2)), h('span', {}, duration(span)))));
}

// Names and values, those without a value left out.
export function facts(entries) {
  const given = entries.filter(([, value]) => value !== undefined && value !== null && value !== '' && value.length !== 0);
  return h('dl', {class: 'facts'}, given.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

export function id(value) {
  return value ? h('code', {class: 'id'}, value) : null;
}

// Fields whose values are those of the address: a change of one calls `changed` with all, a moment after the last key.
export function filters(fields, values, changed) {
  const form = h('form', {class: 'filters', role: 'search', onsubmit: (event) => event.preventDefault()});
  let timer;
  const tell = () => {
    clearTimeout(timer);
    timer = setTimeout(() => changed(Object.fromEntries(fields.map((field) => [field.name, form.elements[field.name].value.trim()]))), 250);
  };
  const controls = fields.map((field) => {
    const common = {name: field.name, id: `filter-${field.name}`, value: values[field.name] ?? '', oninput: tell};
    const control = field.options
      ? h('select', {...common, value: undefined}, h('option', {value: ''}, t('filter.all')), field.options.map((one) => h('option', {value: one}, word('outcome', one))))
      : h('input', {...common, type: field.name === 'text' ? 'search' : 'text', autocomplete: 'off', spellcheck: 'false', placeholder: field.hint, list: field.list});
    if (field.options) control.value = values[field.name] ?? '';
    return h('label', {class: `field field-${field.name}`}, h('span', {}, t(`filter.${field.name}`)), control);
  });
  return show(form, controls);
}

export function counted(statistics) {
  const ended = statistics.succeeded + statistics.failed;
  return {sent: number(statistics.sent), share: ended === 0 ? '–' : percent(statistics.success_share), ended};
}
