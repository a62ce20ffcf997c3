// What runs, what the last load came to, and what is wrong with it, at its line.

import {ask} from './api.js';
import {h, show} from './dom.js';
import {badge, empty, facts, failure, heading, id, loading, since} from './pieces.js';
import {number, t} from './text.js';

export function configuration(view, {signal, refresh}) {
  const place = h('div', {class: 'stack'}, loading());
  const said = h('p', {class: 'said', role: 'status', hidden: true});
  const reload = h('button', {class: 'primary', type: 'button', id: 'reload', onclick: async () => {
    reload.disabled = true;
    try {
      // A configuration that was refused, or that is being written, is an answer and no error.
      const told = await ask('/reload', {method: 'POST', signal, accepts: [422, 500, 503]});
      // What is said and the mistakes it speaks of appear together.
      await load();
      if (told.outcome) show(said, badge(told.outcome), ' ', t(`reload.${told.outcome}`, {generation: told.generation}));
      else show(said, told.detail ?? '');
      said.hidden = false;
      refresh();
    } catch (error) {
      if (!signal.aborted && error.status !== 401) show(place, failure(error, load));
    }
    reload.disabled = false;
  }}, t('configuration.reload'));
  show(view, heading(t('configuration.title'), t('configuration.lead'), reload), said, place);

  async function load() {
    try {
      const told = await ask('/config', {signal});
      show(place, running(told), problems(told));
    } catch (error) {
      if (!signal.aborted && error.status !== 401) show(place, failure(error, load));
    }
  }

  load();
}

function running(told) {
  return h('section', {class: 'card'}, h('h2', {}, t('configuration.running')), facts([
    [t('configuration.generation'), number(told.generation)],
    [t('configuration.loaded'), since(told.loaded_at)],
    [t('configuration.last'), [badge(told.last_outcome), ' ', since(told.last_at)]],
    [t('configuration.digest'), id(told.digest.slice(0, 16))]]));
}

function problems(told) {
  if (told.diagnostics.length === 0) return h('section', {class: 'card'}, empty(t('configuration.fine'), t('configuration.fine.why')));
  const refused = told.last_outcome === 'rejected';
  return h('section', {class: 'problems', 'aria-label': t('configuration.problems')},
    h('h2', {}, refused ? t('configuration.refused', {generation: told.generation}) : t('configuration.warnings', {n: told.diagnostics.length})),
    told.diagnostics.map(problem));
}

function problem(told) {
  const where = told.line > 0 ? `${told.file}:${told.line}:${told.column}` : told.file;
  return h('article', {class: `card problem ${told.severity}`},
    h('h3', {}, h('span', {class: `badge ${told.severity === 'error' ? 'bad' : 'warn'}`}, t(`severity.${told.severity}`)), ' ', told.message),
    h('p', {class: 'where'}, h('code', {}, where), h('span', {class: 'chip'}, told.code)),
    told.source && source(told.source, told.line),
    told.help && h('p', {class: 'help'}, h('b', {}, t('configuration.help')), ' ', told.help));
}

// The line, with what is meant marked in it.
function source({text, start, end}, line) {
  const characters = [...text];
  const piece = (from, to) => characters.slice(from, to).join('');
  return h('pre', {class: 'code source', tabindex: 0}, h('span', {class: 'line-number', 'aria-hidden': 'true'}, `${line} │ `),
    piece(0, start), h('mark', {}, piece(start, end)), piece(end));
}
