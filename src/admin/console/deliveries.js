// Deliveries as they end, and one of them in detail.

import {ask, query} from './api.js';
import {h, show} from './dom.js';
import {live, watched} from './live.js';
import {at, badge, empty, facts, failure, filters, heading, id, labels, loading, waterfall} from './pieces.js';
import {duration, moment, t} from './text.js';
import {asked} from './events.js';

const OUTCOMES = ['success', 'failed', 'timeout', 'server_error', 'throttled', 'refused', 'unsatisfied', 'connect', 'dns', 'tls', 'reset', 'deadline', 'expression'];

export function deliveries(view, context) {
  const made = watched(view, context, {
    names: ['route', 'target', 'outcome', 'status', 'label', 'text'],
    make: (values, signal) => live({kind: 'deliveries', event: 'delivery', filters: values, signal, row,
      columns: [t('column.time'), t('column.to'), t('column.outcome'), t('column.attempts'), t('column.duration'), t('column.labels')],
      nothing: [t('deliveries.none'), t('deliveries.none.why')]}),
  });
  const fields = [{name: 'route'}, {name: 'target'}, {name: 'outcome', options: OUTCOMES}, {name: 'status', hint: '5xx'}, {name: 'label', hint: 'order:4711'}, {name: 'text', hint: t('filter.text.hint')}];
  show(view, heading(t('deliveries.title'), t('deliveries.lead'), made.actions), filters(fields, made.values, made.changed), made.place);
  context.keys({p: made.toggle});
}

function row(entry) {
  return h('tr', {},
    h('td', {class: 'time', 'data-title': t('column.time')}, at(entry.time)),
    h('td', {class: 'main'}, h('a', {href: `#/deliveries/${encodeURIComponent(entry.id)}`}, entry.route, h('span', {class: 'arrow'}, ' → '), entry.target),
      entry.chosen !== null && h('small', {}, t('delivery.chosen'), ' ', h('b', {}, entry.chosen)), entry.element !== null && h('small', {}, t('delivery.element'), ' ', entry.element)),
    h('td', {'data-title': t('column.outcome')}, badge(entry.outcome), entry.status !== null && h('code', {}, entry.status),
      entry.dead_letter !== null && h('small', {}, t('delivery.dead_letter'), ' ', h('b', {}, entry.dead_letter))),
    h('td', {'data-title': t('column.attempts')}, entry.attempts.length, entry.attempts.some((attempt) => attempt.ambiguous) && h('span', {class: 'chip warn', title: t('attempt.ambiguous.why')}, t('attempt.ambiguous'))),
    h('td', {class: 'count', 'data-title': t('column.duration')}, duration(entry.duration_ms)),
    h('td', {class: 'labels'}, labels(entry.labels), entry.reason !== '' && h('span', {class: 'why'}, entry.reason)));
}

export async function delivery(view, {argument, signal, config}) {
  const back = h('a', {class: 'back', href: '#/deliveries'}, t('delivery.back'));
  show(view, back, loading());
  try {
    const found = (await ask(`/deliveries${query({id: argument})}`, {signal})).deliveries[0];
    if (!found) {
      show(view, back, heading(t('delivery.title')), empty(t('delivery.gone'), t('delivery.gone.why')));
      return;
    }
    const [event, others] = await Promise.all([
      ask(`/events${query({request_id: found.request_id})}`, {signal}),
      ask(`/deliveries${query({request_id: found.request_id})}`, {signal})]);
    show(view, back, detail(found, event.events[0], others.deliveries.filter((other) => other.id !== found.id), await config()));
  } catch (error) {
    if (!signal.aborted && error.status !== 401) show(view, back, failure(error, () => delivery(view, {argument, signal, config})));
  }
}

function detail(found, event, others, config) {
  return [
    heading(`${found.route} → ${found.target}`, null, badge(found.outcome)),
    h('section', {class: 'card'}, h('h2', {}, t('delivery.attempts', {n: found.attempts.length})), waterfall(found.attempts, found.duration_ms, found.waits),
      found.reason !== '' && h('p', {class: 'why'}, t('delivery.reason'), ' ', h('code', {}, found.reason))),
    h('section', {class: 'card'}, h('h2', {}, t('delivery.facts')), facts([
      [t('column.time'), moment(found.time)],
      [t('column.duration'), duration(found.duration_ms)],
      [t('delivery.waited'), waited(found.waits)],
      [t('column.status'), found.status],
      [t('delivery.chosen'), found.chosen],
      [t('delivery.element'), found.element],
      [t('delivery.dead_letter'), found.dead_letter],
      [t('delivery.event_id'), id(found.event_id)],
      [t('delivery.request_id'), id(found.request_id)],
      [t('delivery.trace_id'), [id(found.trace_id), traceLink(config.trace_url, found.trace_id)]],
      [t('column.labels'), labels(found.labels)]])),
    event && h('section', {class: 'card'}, h('h2', {}, t('delivery.event')), h('p', {class: 'where'}, h('span', {class: 'method'}, event.method), h('code', {}, event.path), badge(event.outcome), h('code', {}, event.status)), asked(event)),
    others.length > 0 && h('section', {class: 'card'}, h('h2', {}, t('delivery.others')), h('ul', {class: 'plain'}, others.map((other) =>
      h('li', {}, h('a', {href: `#/deliveries/${encodeURIComponent(other.id)}`}, `${other.route} → ${other.target}`), ' ', badge(other.outcome))))),
  ];
}

// How long it waited for its turn, and for what.
function waited(waits) {
  if (waits.length === 0) return null;
  const reasons = [...new Set(waits.map((wait) => wait.reason))].map((reason) => t(`wait.${reason}`));
  return `${duration(waits.reduce((sum, wait) => sum + wait.duration_ms, 0))} · ${reasons.join(', ')}`;
}

// The template is the operator's and http(s); an id that is none goes nowhere.
export function traceLink(template, trace) {
  if (!template || !/^[0-9a-f]{32}$/.test(trace) || !/^https?:\/\//.test(template)) return null;
  return h('a', {class: 'button small', href: template.replaceAll('{trace_id}', trace), target: '_blank', rel: 'noopener noreferrer'}, t('delivery.trace'));
}
