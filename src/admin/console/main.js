// The console: which view the address names, the state of the process on top, and keys.

import {ask, hasToken, onRefused, forgetToken, query} from './api.js';
import {configuration} from './configuration.js';
import {deliveries, delivery} from './deliveries.js';
import {h, show} from './dom.js';
import {events} from './events.js';
import {explain} from './explain.js';
import {login} from './login.js';
import {tick} from './pieces.js';
import {routes} from './routes.js';
import {test} from './test.js';
import {loadTexts, t} from './text.js';

const VIEWS = {routes, deliveries, events, explain, test, configuration};
const STATE_EVERY = 5000;

const place = document.getElementById('view');
const nav = document.getElementById('nav');
const state = document.getElementById('state');
const notice = document.getElementById('notice');
let leaving = new AbortController();
let shortcuts = {};
let locked = false;

// `#/deliveries/ID?route=a` is the view, its argument and its parameters.
function address() {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [name = '', argument] = path.split('/');
  return {name: name in VIEWS ? name : 'routes', argument: argument && decodeURIComponent(argument), parameters: new URLSearchParams(search)};
}

// What a view needs to know. Its signal fires when it is left.
function enter() {
  if (locked) return;
  const {name, argument, parameters} = address();
  leaving.abort();
  leaving = new AbortController();
  shortcuts = {};
  const {signal} = leaving;
  // Typing into a filter is no step to go back over.
  const go = (values) => { if (!signal.aborted) history.replaceState(null, '', `#/${name}${query(values)}`); };
  const context = {argument, parameters, signal, go, config: () => ask('/config', {signal}), refresh: refreshState, keys: (keys) => { shortcuts = keys; }};
  for (const link of nav.querySelectorAll('a')) {
    if (link.dataset.view === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  (name === 'deliveries' && argument ? delivery : VIEWS[name])(place, context);
}

function navigate() {
  enter();
  window.scrollTo(0, 0);
  place.focus({preventScroll: true});
}

function drawNav() {
  show(nav, Object.keys(VIEWS).map((name) => h('a', {href: `#/${name}`, 'data-view': name}, t(`nav.${name}`))));
  show(document.getElementById('skip'), t('skip'));
}

async function refreshState() {
  if (locked) return;
  try {
    const [ready, config] = await Promise.all([ask('/readyz', {accepts: [503]}), ask('/config')]);
    const rejected = config.last_outcome === 'rejected';
    const word = rejected ? 'rejected' : ready.status;
    show(state, h('a', {href: '#/configuration', class: `pill ${word === 'ready' ? 'good' : word === 'rejected' ? 'bad' : 'warn'}`},
      h('span', {class: 'dot', 'aria-hidden': 'true'}), t(`state.${word}`), h('span', {class: 'pill-more'}, t('state.generation', {generation: config.generation}))),
      hasToken() && h('button', {type: 'button', class: 'small', onclick: () => { forgetToken(); lock(); }}, t('login.leave')));
    notice.hidden = true;
  } catch (error) {
    if (error.status === 401) return;
    show(state, h('span', {class: 'pill bad'}, h('span', {class: 'dot', 'aria-hidden': 'true'}), t('state.away')));
    show(notice, t('error.unreachable'));
    notice.hidden = false;
  }
}

function lock() {
  if (locked) return;
  locked = true;
  leaving.abort();
  show(state);
  nav.hidden = true;
  login(place, () => {
    locked = false;
    nav.hidden = false;
    refreshState();
    enter();
  });
}

function typing(element) {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}

// `/` goes to the filter, arrows from row to row; a view has keys of its own.
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || locked) return;
  if (typing(event.target)) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (event.key === '/') {
    const filter = document.getElementById('filter-text');
    if (!filter) return;
    event.preventDefault();
    filter.focus();
    filter.select();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const links = [...place.querySelectorAll('td.main a')];
    if (links.length === 0) return;
    event.preventDefault();
    const next = links.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1);
    links[Math.max(0, Math.min(links.length - 1, next))].focus();
  } else if (shortcuts[event.key]) {
    event.preventDefault();
    shortcuts[event.key]();
  }
}

async function start() {
  await loadTexts();
  drawNav();
  onRefused(lock);
  document.getElementById('skip').addEventListener('click', (event) => { event.preventDefault(); place.focus(); });
  window.addEventListener('hashchange', navigate);
  document.addEventListener('keydown', pressed);
  setInterval(tick, 5000);
  setInterval(() => document.hidden || refreshState(), STATE_EVERY);
  refreshState();
  enter();
}

start();
