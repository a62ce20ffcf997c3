// A real delivery to one target, to see whether it answers as it should.

import {ask} from './api.js';
import {h, show} from './dom.js';
import {badge, empty, failure, heading, loading, waterfall} from './pieces.js';
import {duration, t} from './text.js';

export async function test(view, {parameters, signal, go}) {
  show(view, heading(t('test.title'), t('test.lead')), loading());
  let known;
  try {
    known = (await ask('/routes', {signal})).routes.filter((route) => route.targets.length > 0);
  } catch (error) {
    if (!signal.aborted && error.status !== 401) show(view, heading(t('test.title'), t('test.lead')), failure(error, () => test(view, {parameters, signal, go})));
    return;
  }
  if (known.length === 0) {
    show(view, heading(t('test.title'), t('test.lead')), empty(t('routes.none'), t('routes.none.why')));
    return;
  }
  const result = h('div', {class: 'result', 'aria-live': 'polite'}, empty(t('test.none'), t('test.none.why')));
  const option = (value) => h('option', {value}, value);
  const route = h('select', {id: 'test-route', name: 'route', onchange: () => chosen()}, known.map((one) => option(one.name)));
  const target = h('select', {id: 'test-target', name: 'target', onchange: () => go({route: route.value, target: target.value})});
  const path = h('input', {id: 'test-path', name: 'path', autocomplete: 'off', spellcheck: 'false'});
  const body = h('textarea', {id: 'test-body', name: 'body', rows: 8, spellcheck: 'false', value: '{}'});
  const button = h('button', {class: 'primary', type: 'submit'}, t('test.do'));
  const url = h('code', {class: 'url'});

  function chosen(first) {
    const found = known.find((one) => one.name === route.value);
    show(target, found.targets.map((one) => option(one.name)));
    if (first && found.targets.some((one) => one.name === first)) target.value = first;
    path.value = found.path;
    show(url, found.targets.find((one) => one.name === target.value).url);
    go({route: route.value, target: target.value});
  }

  const form = h('form', {class: 'card paper', onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    show(result, loading());
    const place = `/targets/${encodeURIComponent(route.value)}/${encodeURIComponent(target.value)}/test`;
    try {
      show(result, report(await ask(place, {method: 'POST', body: {path: path.value, body: body.value}, signal})));
    } catch (error) {
      if (!signal.aborted && error.status !== 401) show(result, failure(error));
    }
    button.disabled = false;
  }}, field('test-route', t('test.route'), route), field('test-target', t('test.target'), target, url),
    field('test-path', t('test.path'), path), field('test-body', t('test.body'), body),
    h('p', {class: 'hint'}, t('test.warning')), h('div', {class: 'actions'}, button));
  if (known.some((one) => one.name === parameters.get('route'))) route.value = parameters.get('route');
  chosen(parameters.get('target'));
  target.addEventListener('change', () => show(url, known.find((one) => one.name === route.value).targets.find((one) => one.name === target.value).url));
  show(view, heading(t('test.title'), t('test.lead')), h('div', {class: 'two'}, form, result));
}

function field(name, title, control, after) {
  return h('div', {class: 'row'}, h('label', {for: name}, title), control, after);
}

function report(told) {
  return [
    h('p', {class: 'verdict'}, badge(told.ok ? 'success' : 'failed'), ' ', t(told.ok ? 'test.ok' : 'test.failed')),
    !told.taken && told.reason && h('p', {class: 'why'}, t('test.not_taken'), ' ', told.reason),
    told.deliveries.map((delivery) => h('section', {class: 'card'},
      h('h2', {}, '→ ', delivery.target, ' ', badge(delivery.outcome)),
      delivery.reason && h('p', {class: 'why'}, delivery.reason),
      delivery.attempts && waterfall(delivery.attempts, delivery.duration_ms ?? 0),
      delivery.duration_ms !== undefined && h('p', {class: 'faint'}, t('column.duration'), ' ', duration(delivery.duration_ms)),
      delivery.answer && h('div', {}, h('h3', {}, t('test.answer'), ' ', h('code', {}, delivery.answer.status)), h('pre', {class: 'code', tabindex: 0}, typeof delivery.answer.body === 'string' ? delivery.answer.body : JSON.stringify(delivery.answer.body, null, 2))))),
  ];
}
