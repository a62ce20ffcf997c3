// What people read, in their language, and how numbers and times are written in it.

let table = {};
let language = 'en';
let plurals = new Intl.PluralRules('en');

// The first language of the browser that there is a table for.
export async function loadTexts() {
  const wanted = (navigator.languages ?? [navigator.language]).map((one) => one.slice(0, 2).toLowerCase());
  language = wanted.find((one) => one === 'en' || one === 'ru') ?? 'en';
  const answer = await fetch(`/console/${language}.json`);
  table = await answer.json();
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

// t('live.missed', {n: 3}). A text that depends on a number has a form for each kind of number.
export function t(key, values = {}) {
  const form = 'n' in values ? table[`${key}.${plurals.select(values.n)}`] : undefined;
  const text = form ?? table[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!(name in values)) return whole;
    return typeof values[name] === 'number' ? number(values[name]) : String(values[name]);
  });
}

// A word of the interface for a word of the program; the word itself where there is none.
export function word(kind, value) {
  return table[`${kind}.${value}`] ?? value;
}

export function number(value) {
  return new Intl.NumberFormat(language).format(value);
}

// Never rounded up to a hundred: one failure in a million is not none.
export function percent(share) {
  const floored = Math.floor(share * 1000) / 10;
  return new Intl.NumberFormat(language, {maximumFractionDigits: 1}).format(floored) + ' %';
}

export function duration(milliseconds) {
  const write = (value, digits, unit) =>
    new Intl.NumberFormat(language, {maximumFractionDigits: digits}).format(value) + ' ' + t(`unit.${unit}`);
  if (milliseconds < 1) return write(milliseconds, 2, 'ms');
  if (milliseconds < 1000) return write(milliseconds, milliseconds < 10 ? 1 : 0, 'ms');
  if (milliseconds < 60_000) return write(milliseconds / 1000, 2, 's');
  return write(milliseconds / 60_000, 1, 'min');
}

export function clock(time) {
  return new Intl.DateTimeFormat(language, {timeStyle: 'medium'}).format(new Date(time));
}

export function moment(time) {
  return new Intl.DateTimeFormat(language, {dateStyle: 'medium', timeStyle: 'medium'}).format(new Date(time));
}

export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(time).getTime()) / 1000));
  const format = new Intl.RelativeTimeFormat(language, {numeric: 'auto', style: 'short'});
  if (seconds < 5) return t('now');
  if (seconds < 60) return format.format(-seconds, 'second');
  if (seconds < 3600) return format.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return format.format(-Math.floor(seconds / 3600), 'hour');
  return format.format(-Math.floor(seconds / 86_400), 'day');
}
