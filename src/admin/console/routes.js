// Routes with their targets: how many deliveries, how many succeeded, when the last one was, and the last hour.

import {ask} from './api.js';
import {h, show} from './dom.js';
import {chip, counted, empty, failure, heading, loading, since, sparkline} from './pieces.js';
import {number, percent, t} from './text.js';

const EVERY = 5000;
// More routes than anybody scrolls through; the filter finds the others.
const SHOWN_MAX = 100;

export function routes(view, {parameters, signal, go}) {
  const list = h('div', {class: 'routes'}, loading());
  const sums = h('div', {class: 'sums'});
  const search = h('input', {type: 'search', id: 'filter-text', name: 'text', autocomplete: 'off', spellcheck: 'false', value: parameters.get('text') ?? '',
    placeholder: t('routes.search'), 'aria-label': t('routes.search'), oninput: () => { go({text: search.value}); draw(true); }});
  show(view, heading(t('routes.title'), t('routes.lead')), sums, h('div', {class: 'filters'}, h('label', {class: 'field field-text'}, h('span', {}, t('filter.text')), search)), list);
  let known = [];
  let drawn = '';
  let cells = new Map();

  // Rows stay as they are while the configuration does: only figures change, and the focus stays where it is.
  function draw(anew) {
    const wanted = search.value.trim().toLowerCase();
    const fits = (route) => [route.name, route.path, route.file, route.description ?? '', ...route.targets.flatMap((target) => [target.name, target.url])]
      .some((text) => text.toLowerCase().includes(wanted));
    const fitting = known.filter(fits);
    const shape = JSON.stringify(fitting.map((route) => ({...route, targets: route.targets.map(({statistics, ...target}) => target)})));
    if (anew || shape !== drawn) {
      drawn = shape;
      cells = new Map();
      const more = fitting.length - SHOWN_MAX;
      if (known.length === 0) show(list, empty(t('routes.none'), t('routes.none.why')));
      else if (fitting.length === 0) show(list, empty(t('filter.none'), t('filter.none.why')));
      else show(list, fitting.slice(0, SHOWN_MAX).map((route) => card(route, cells)), more > 0 && h('p', {class: 'faint more'}, t('routes.more', {n: more})));
    }
    for (const route of fitting.slice(0, SHOWN_MAX)) {
      for (const target of route.targets) update(cells.get(`${route.name}/${target.name}`), target.statistics);
    }
    summary(sums, known);
  }

  async function load() {
    try {
      known = (await ask('/routes', {signal})).routes;
      draw(drawn === '');
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      if (drawn === '') show(list, failure(error, load));
    }
  }

  load();
  const timer = setInterval(() => document.hidden || load(), EVERY);
  signal.addEventListener('abort', () => clearInterval(timer));
}

function summary(place, all) {
  const targets = all.flatMap((route) => route.targets).map((target) => target.statistics).filter(Boolean);
  const sum = (of) => targets.reduce((total, one) => total + of(one), 0);
  const [succeeded, failed] = [sum((one) => one.succeeded), sum((one) => one.failed)];
  const hour = sum((one) => [...one.minutes.succeeded, ...one.minutes.failed].reduce((a, b) => a + b, 0));
  const failing = targets.filter((one) => one.minutes.failed.some((count) => count > 0)).length;
  const figure = (title, value, tone) => h('div', {class: 'sum'}, h('span', {class: 'sum-title'}, title), h('span', {class: `sum-value ${tone ?? ''}`}, value));
  show(place,
    figure(t('sum.routes'), number(all.length)),
    figure(t('sum.hour'), number(hour)),
    figure(t('sum.share'), succeeded + failed === 0 ? '–' : percent(succeeded / (succeeded + failed))),
    figure(t('sum.failing'), number(failing), failing > 0 ? 'bad' : ''));
}

function card(route, cells) {
  const title = `route-${route.name}`;
  const off = !route.enabled && chip(t('routes.disabled'));
  const rows = route.targets.map((target) => {
    const cell = {spark: h('td', {class: 'spark-cell', 'data-title': t('routes.hour')}), sent: h('td', {class: 'count', 'data-title': t('routes.sent')}), share: h('td', {class: 'count', 'data-title': t('routes.share')}),
      last: h('td', {'data-title': t('routes.last')}), told: undefined};
    cells.set(`${route.name}/${target.name}`, cell);
    const address = new URLSearchParams({route: route.name, target: target.name});
    return h('tr', {},
      h('th', {scope: 'row'}, h('a', {href: `#/deliveries?${address}`}, target.name), !target.enabled && chip(t('routes.disabled')), !target.required && chip(t('routes.optional'), t('routes.optional.why')), h('code', {class: 'url', title: target.url}, target.url)),
      cell.spark, cell.sent, cell.share, cell.last,
      h('td', {class: 'end'}, h('a', {class: 'button small', href: `#/test?${address}`, 'aria-label': t('routes.test.of', {route: route.name, target: target.name})}, t('routes.test'))));
  });
  const head = [t('routes.target'), t('routes.hour'), t('routes.sent'), t('routes.share'), t('routes.last'), ''];
  return h('section', {class: 'card', 'aria-labelledby': title},
    h('header', {class: 'card-head'},
      h('h2', {id: title}, h('a', {href: `#/deliveries?${new URLSearchParams({route: route.name})}`}, route.name), off),
      h('p', {class: 'where'}, h('span', {class: 'method'}, route.methods.join(' ')), h('code', {}, route.path), chip(route.verify, t('routes.verify'))),
      route.description && h('p', {class: 'lead'}, route.description)),
    route.targets.length === 0 ? h('p', {class: 'faint'}, t('routes.no_targets'))
      : h('table', {class: 'targets'}, h('thead', {}, h('tr', {}, head.map((text, index) => h('th', {scope: 'col', class: index === 2 || index === 3 ? 'count' : undefined}, text)))), h('tbody', {}, rows)),
    h('footer', {class: 'card-foot'}, h('code', {}, route.file), route.when && h('span', {class: 'when'}, 'when ', h('code', {}, route.when))));
}

function update(cell, statistics) {
  const told = JSON.stringify(statistics);
  if (!cell || cell.told === told) return;
  cell.told = told;
  if (statistics === null) {
    show(cell.spark, h('span', {class: 'faint'}, t('routes.nothing')));
    return;
  }
  const {sent, share} = counted(statistics);
  show(cell.spark, sparkline(statistics.minutes));
  show(cell.sent, sent);
  show(cell.share, h('span', {class: statistics.failed === 0 ? 'good' : statistics.minutes.failed.some((count) => count > 0) ? 'bad' : undefined}, share), statistics.failed > 0 && h('small', {}, t('routes.failed', {n: statistics.failed})));
  show(cell.last, since(statistics.last_sent), statistics.last_failure && h('small', {class: 'bad'}, t('routes.last_failure'), ' ', since(statistics.last_failure)));
}
