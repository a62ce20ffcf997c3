// Why a request would be taken or not, and what would be sent. Nothing is.

import {ask} from './api.js';
import {h, show} from './dom.js';
import {badge, chip, empty, facts, failure, heading, loading} from './pieces.js';
import {t} from './text.js';

const KEPT = 'hookswitch.explain';
const SAMPLE = 'POST /hello/gh\ncontent-type: application/json\n\n{"order": {"id": 1001, "status": "approved"}}';

export function explain(view, {signal}) {
  const request = h('textarea', {id: 'request', name: 'request', rows: 10, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', placeholder: SAMPLE,
    'aria-describedby': 'request-hint', value: sessionStorage.getItem(KEPT) ?? '', onkeydown: (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    }});
  const result = h('div', {class: 'result', 'aria-live': 'polite'}, empty(t('explain.none'), t('explain.none.why')));
  const button = h('button', {class: 'primary', type: 'submit'}, t('explain.do'));
  const sample = h('button', {type: 'button', onclick: () => { request.value = SAMPLE; request.focus(); }}, t('explain.sample'));
  const form = h('form', {class: 'card paper', onsubmit: async (event) => {
    event.preventDefault();
    if (request.value.trim() === '') return request.focus();
    sessionStorage.setItem(KEPT, request.value);
    button.disabled = true;
    show(result, loading());
    try {
      show(result, report(await ask('/explain', {method: 'POST', body: {request: request.value}, signal})));
    } catch (error) {
      if (!signal.aborted && error.status !== 401) show(result, failure(error));
    }
    button.disabled = false;
    return undefined;
  }}, h('label', {for: 'request'}, t('explain.request')), request, h('p', {class: 'hint', id: 'request-hint'}, t('explain.hint')), h('div', {class: 'actions'}, button, sample));
  show(view, heading(t('explain.title'), t('explain.lead')), h('div', {class: 'two'}, form, result));
  request.focus({preventScroll: true});
}

function report(told) {
  const of = (route) => told.deliveries.filter((delivery) => delivery.route === route);
  return [
    h('p', {class: 'where'}, h('span', {class: 'method'}, told.request.method), h('code', {}, told.request.path)),
    told.endpoint ? h('p', {class: 'faint'}, t('explain.endpoint'), ' ', h('code', {}, told.endpoint)) : h('p', {class: 'why'}, t('explain.no_endpoint')),
    told.handshake && h('p', {}, t('explain.handshake')),
    told.routes.map((route) => h('section', {class: 'card'},
      h('h2', {}, route.name, ' ', badge(route.outcome)),
      route.reason && h('p', {class: 'why'}, route.reason),
      route.when && h('pre', {class: 'code'}, 'when: ', route.when),
      of(route.name).map((delivery) => h('div', {class: 'sent'},
        h('h3', {}, '→ ', delivery.target, ' ', badge(delivery.outcome)),
        delivery.reason ? h('p', {class: 'why'}, delivery.reason) : exchange(delivery))),
      h('p', {}, chip(route.file)))),
    h('section', {class: 'card'}, h('h2', {}, t('explain.answer'), ' ', h('code', {}, told.response.status)), exchange(told.response)),
  ];
}

// A request or an answer: its first line, headers and body.
export function exchange({method, url, headers, body}) {
  return [
    url && h('p', {class: 'where'}, h('span', {class: 'method'}, method), h('code', {}, url)),
    headers && h('details', {}, h('summary', {}, t('explain.headers', {n: Object.keys(headers).length})), facts(Object.entries(headers).map(([name, value]) => [name, h('code', {}, value)]))),
    h('pre', {class: 'code', tabindex: 0}, typeof body === 'string' ? body || t('explain.no_body') : JSON.stringify(body, null, 2)),
  ];
}
