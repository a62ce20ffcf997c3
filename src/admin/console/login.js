// Where the listener wants a token: it is kept by this tab alone, and sent as a header.

import {forgetToken, hasToken, keepToken} from './api.js';
import {h, show} from './dom.js';
import {t} from './text.js';

export function login(view, entered) {
  const wrong = hasToken();
  forgetToken();
  document.title = `${t('login.title')} · hookswitch`;
  const token = h('input', {type: 'password', id: 'token', name: 'token', autocomplete: 'current-password', required: true, 'aria-describedby': 'token-hint', 'aria-invalid': wrong});
  const form = h('form', {class: 'card login', onsubmit: (event) => {
    event.preventDefault();
    keepToken(token.value.trim());
    entered();
  }}, h('h1', {}, t('login.title')), wrong && h('p', {class: 'bad', role: 'alert'}, t('login.wrong')),
    h('label', {for: 'token'}, t('login.token')), token, h('p', {class: 'hint', id: 'token-hint'}, t('login.hint')),
    h('button', {class: 'primary', type: 'submit'}, t('login.enter')));
  show(view, form);
  token.focus();
}
