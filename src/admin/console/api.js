// Talks to the admin listener that served this page, and to nobody else.

const TOKEN = 'hookswitch.token';

// A request that was answered with an error, or not at all (status 0).
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

let refused = () => {};

// Called when the listener wants a token that we do not have.
export function onRefused(listener) {
  refused = listener;
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN);
}

export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

async function request(path, options) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token === null ? options.headers : {...options.headers, authorization: `Bearer ${token}`};
  let answer;
  try {
    answer = await fetch(path, {...options, headers, credentials: 'omit', cache: 'no-store'});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, error.message);
  }
  if (answer.status === 401) {
    // An answer that comes late speaks of a token that has been replaced.
    if (sessionStorage.getItem(TOKEN) === token) refused();
    throw new Problem(401, '');
  }
  return answer;
}

// The JSON of an answer. `accepts` names statuses besides 2xx whose document is an answer and no error.
export async function ask(path, {method = 'GET', body, signal, accepts = []} = {}) {
  const options = {method, signal};
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = {'content-type': 'application/json'};
  }
  const answer = await request(path, options);
  let document = null;
  try {
    document = await answer.json();
  } catch {
    throw new Problem(answer.status, answer.statusText);
  }
  if (!answer.ok && !accepts.includes(answer.status)) {
    throw new Problem(answer.status, document.detail ?? answer.statusText);
  }
  return document;
}

// Names and values, those that are empty left out.
export function query(filters) {
  const given = Object.entries(filters).filter(([, value]) => value !== '' && value !== undefined && value !== null);
  const text = new URLSearchParams(given).toString();
  return text === '' ? '' : `?${text}`;
}

const PATIENCE_MIN = 500;
const PATIENCE_MAX = 15_000;

// Follows a stream of server-sent events until `signal` fires. By fetch, because EventSource sends no token.
// `heard(event, data)` gets every event, `state(word)` hears `live` and `away`.
export async function follow(path, {after, signal, heard, state}) {
  let last = after;
  let patience = PATIENCE_MIN;
  while (!signal.aborted) {
    try {
      const answer = await request(path, {signal, headers: last ? {'last-event-id': last} : {}});
      if (!answer.ok) throw new Problem(answer.status, answer.statusText);
      state('live');
      patience = PATIENCE_MIN;
      for await (const message of messages(answer.body)) {
        if (message.id) last = message.id;
        heard(message.event, JSON.parse(message.data));
      }
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
    }
    state('away');
    await pause(patience, signal);
    patience = Math.min(patience * 2, PATIENCE_MAX);
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, {once: true});
  });
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, as far as we are spoken to.
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const message = {event: 'message', id: '', data: ''};
        for (const line of block.split('\n')) {
          const colon = line.indexOf(':');
          if (colon > 0) message[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
        }
        if (message.data !== '') yield message;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
