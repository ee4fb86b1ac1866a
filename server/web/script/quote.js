// Quotes of the messages that rows reply to: the server fills in the quotes of a page's HTML; the ones that
// arrive by the stream are filled in here, and all quotes of a message are updated when it is edited or
// deleted. The quoted text is taken from its row; if the row is not in the page, the server makes the quote.
//
// A reply to an old message reaches all readers at once. So that they do not all ask for it at once, a page fetches
// the text only when the quote is in view, one at a time, and after a random wait that grows with the number of
// readers: together they ask about as often whatever their number.

import { base, cloneTemplate, composer, messages, outbox, scroller } from './dom.js';
import { localize } from './i18n.js';
import { lineOf } from './line.js';
import './missed.js';
import { whenReconnected } from './stream.js';

const SELECTOR = '.quote[data-empty][data-target]';
const WAIT_MS_MIN = 200;
const WAIT_MS_PER_READER = 5;
const WAIT_MS_MAX = 15_000;

/** Targets that are being fetched; only the answer to the last request counts. @type {Map<string, object>} */
const requested = new Map();
/** Empty quotes in view whose text is not in the page. @type {Set<HTMLElement>} */
const inView = new Set();
/** A quote is waiting for its turn, or is being fetched. */
let isBusy = false;
/** Requests without an answer, in a row. */
let failures = 0;

/** Returns an empty quote of a message, which is filled in once it is in the page. @param {string} target */
export function quoteOf(target) {
  const quote = /** @type {HTMLAnchorElement} */ (cloneTemplate('quote'));
  quote.href = `#m-${target}`;
  quote.dataset.target = target;
  return quote;
}

/** @param {string} selector @returns {NodeListOf<HTMLElement>} */
const quotes = (selector) => document.querySelectorAll(selector);

/** @param {string} target */
const quotesOf = (target) => quotes(`.quote[data-target="${target}"]`);

/** @param {string} tag @param {string} className @param {string} text */
function part(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** @param {string} target @param {'deleted' | 'quote-gone'} why */
function showGone(target, why) {
  for (const quote of quotesOf(target)) {
    quote.replaceChildren(part('span', 'gone', localize(why)));
    quote.removeAttribute('data-empty');
  }
}

/** @param {string} target @param {Element} text @param {string} [name]
 *  @param {string} [colour] the classes of the name's colour */
function show(target, text, name, colour = '') {
  const line = lineOf(text);
  for (const quote of quotesOf(target)) {
    const by = name === undefined ? quote.querySelector('.by') : name && part('bdi', `by ${colour}`, name);
    quote.replaceChildren(...(by ? [by, ' '] : []), line.cloneNode(true));
    quote.removeAttribute('data-empty');
  }
}

/** @param {string} target */
async function request(target) {
  const current = {};
  requested.set(target, current);
  failures += 1;
  try {
    const answer = await fetch(`${base}?quote=${target}`);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const made = answer.ok && page.querySelector('.quote');
    if (made) failures = 0;
    if (requested.get(target) !== current) return;
    for (const quote of made ? quotesOf(target) : []) {
      quote.replaceChildren(...document.importNode(/** @type {Element} */ (made), true).childNodes);
      quote.removeAttribute('data-empty');
    }
  } catch {
    // The quote stays empty until the stream is back.
  }
  if (requested.get(target) === current) requested.delete(target);
}

/** @returns {HTMLElement | undefined} */
function next() {
  for (const quote of inView) if (!quote.isConnected || quote.dataset.empty === undefined) inView.delete(quote);
  // The newest first.
  return [...inView].at(-1);
}

function takeTurns() {
  if (isBusy || !next()) return;
  isBusy = true;
  const readers = Number(document.querySelector('#here .count')?.textContent) || 1;
  const most = Math.min(WAIT_MS_MAX, Math.max(WAIT_MS_MIN, WAIT_MS_PER_READER * readers) * 2 ** failures);
  const least = failures > 0 ? most / 2 : 0;
  setTimeout(async () => {
    const target = next()?.dataset.target;
    if (target !== undefined && !requested.has(target)) await request(target);
    isBusy = false;
    takeTurns();
  }, least + Math.random() * (most - least));
}

/** @param {IntersectionObserverEntry[]} entries */
function noteViews(entries) {
  for (const { target, isIntersecting } of entries) {
    const quote = /** @type {HTMLElement} */ (target);
    if (isIntersecting) inView.add(quote);
    else inView.delete(quote);
    if (quote.dataset.empty === undefined) views?.unobserve(quote);
  }
  takeTurns();
}

// Without it each quote counts as seen.
const views = window.IntersectionObserver ? new IntersectionObserver(noteViews, { root: scroller }) : undefined;

/** @param {HTMLElement} quote */
function watch(quote) {
  if (views) return views.observe(quote);
  inView.add(quote);
  takeTurns();
}

/** @param {HTMLElement} quote */
function fill(quote) {
  const target = quote.dataset.target ?? '';
  const row = document.getElementById(`m-${target}`);
  const text = row?.querySelector('.text');
  const name = row?.querySelector('.who .name');
  // A row without a text represents several deleted messages.
  if (row && (!text || text.matches('.deleted'))) showGone(target, 'deleted');
  else if (text) show(target, text, name?.textContent ?? '', name?.className.replace('name', ''));
  else if (messages.contains(quote)) watch(quote);
  else if (!requested.has(target)) request(target);
}

function fillAll() {
  for (const quote of quotes(SELECTOR)) fill(quote);
}

/** @param {MutationRecord[]} records */
function fillAdded(records) {
  const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
  const isEmpty = (/** @type {Element} */ node) => node.matches(SELECTOR) || node.querySelector(SELECTOR);
  if (added.some((node) => node instanceof Element && isEmpty(node))) fillAll();
}

for (const place of [messages, outbox, composer]) {
  new MutationObserver(fillAdded).observe(place, { childList: true, subtree: true });
}
whenReconnected(fillAll);

// The list is replaced, so messages that are quoted elsewhere in the page may be gone too.
function refillOutside() {
  for (const quote of quotes('.quote[data-target]')) {
    if (messages.contains(quote)) continue;
    quote.replaceChildren();
    quote.dataset.empty = '';
  }
  // After the patch is in the page.
  setTimeout(fillAll);
}

// An edit or a delete arrives as the text of its message, which need not be in the page.
document.addEventListener('datastar-fetch', ({ detail: { type, argsRaw } }) => {
  if (type !== 'datastar-patch-elements') return;
  if (argsRaw.selector === '#messages' && argsRaw.mode === 'inner') return refillOutside();
  const { target } = argsRaw;
  if (!target || quotesOf(target).length === 0) return;
  const { missed, elements } = argsRaw;
  const text = new DOMParser().parseFromString(missed ?? elements, 'text/html').querySelector('.text');
  const pending = requested.delete(target);
  if (!text || text.matches('.deleted')) showGone(target, 'deleted');
  else if (pending) request(target);
  else show(target, text);
});

fillAll();
