// What rows answer: the server fills in quotes in the HTML of a page, here those are filled that came by the stream, and
// all of a message are put right when it is edited or deleted. What is quoted is taken from its row, or asked for when
// it is not in the page.

const QUOTE_CHARS_MAX = 140;
const SELECTOR = '.quote[data-empty][data-target]';

const room = document.body.dataset.room;
const messages = document.getElementById('messages');
/** @type {Map<string, object>} What is asked for; another answer than the last is old. */
const asked = new Map();

/** @param {string} text */
function line(text) {
  const chars = [...text.slice(0, 20 * QUOTE_CHARS_MAX).trim().replace(/\s+/g, ' ')];
  return chars.length > QUOTE_CHARS_MAX ? `${chars.slice(0, QUOTE_CHARS_MAX).join('')}\u2026` : chars.join('');
}

/** @param {string} target */
const quotesOf = (target) => /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`.quote[data-target="${target}"]`));

/** @param {string} tag @param {string} className @param {string} text */
function piece(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** @param {string} target @param {'deleted' | 'quote-gone'} why */
function showGone(target, why) {
  for (const quote of quotesOf(target)) {
    quote.replaceChildren(piece('span', 'gone', words.text(why)));
    quote.removeAttribute('data-empty');
  }
}

/** @param {string} target @param {string} text @param {string} [name] @param {string} [look] the classes of its colour */
function show(target, text, name, look = '') {
  for (const quote of quotesOf(target)) {
    const by = name === undefined ? quote.querySelector('.by') : name && piece('bdi', `by ${look}`, name);
    quote.replaceChildren(...(by ? [by, ' '] : []), piece('span', 'said', line(text)));
    quote.removeAttribute('data-empty');
  }
}

/** The text as it was typed, without the mark of an edit. @param {Element} text */
function said(text) {
  const copy = /** @type {HTMLElement} */ (text.cloneNode(true));
  if (copy.dataset.source !== undefined) return copy.dataset.source;
  copy.querySelector('.edited')?.remove();
  return copy.textContent ?? '';
}

/** @param {string} target */
async function ask(target) {
  const question = {};
  asked.set(target, question);
  try {
    const answer = await fetch(`/api/v1/rooms/${room}/messages/${target}`);
    const message = answer.ok ? await answer.json() : undefined;
    if (asked.get(target) !== question) return;
    if (answer.status === 404) showGone(target, 'quote-gone');
    else if (message?.deleted) showGone(target, 'deleted');
    else if (message) show(target, message.content, message.author?.name ?? '');
  } catch {
    // Empty until the stream is back.
  }
  if (asked.get(target) === question) asked.delete(target);
}

/** @param {HTMLElement} quote */
function fill(quote) {
  const target = quote.dataset.target ?? '';
  const row = document.getElementById(`m-${target}`);
  const text = row?.querySelector('.text');
  const name = row?.querySelector('.who .name');
  // A row without a text stands for several that were deleted.
  if (row && (!text || text.matches('.deleted'))) showGone(target, 'deleted');
  else if (text) show(target, said(text), name?.textContent ?? '', name?.className.replace('name', ''));
  else if (!asked.has(target)) ask(target);
}

function fillAll() {
  for (const quote of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(SELECTOR))) fill(quote);
}

/** @param {MutationRecord[]} records */
function look(records) {
  const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
  if (added.some((node) => node instanceof Element && (node.matches(SELECTOR) || node.querySelector(SELECTOR)))) fillAll();
}

for (const place of [messages, document.getElementById('outbox'), document.getElementById('composer')]) {
  new MutationObserver(look).observe(place, { childList: true, subtree: true });
}
document.addEventListener('stream-back', fillAll);

// The list begins anew, so what is quoted elsewhere in the page may be gone too.
function forget() {
  for (const quote of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.quote[data-target]'))) {
    if (messages.contains(quote)) continue;
    quote.replaceChildren();
    quote.dataset.empty = '';
  }
  // Once the patch is in the page.
  setTimeout(fillAll);
}

// An edit or a delete comes as the text of its message, which need not be in the page.
document.addEventListener('datastar-fetch', ({ detail: { type, argsRaw } }) => {
  if (type !== 'datastar-patch-elements') return;
  if (argsRaw.selector === '#messages' && argsRaw.mode === 'inner') return forget();
  const [, target] = /^<div class="text[^>]* id="t-(\d+)"/.exec(argsRaw.elements ?? '') ?? [];
  if (!target || quotesOf(target).length === 0) return;
  const text = new DOMParser().parseFromString(argsRaw.elements, 'text/html').body.firstElementChild;
  const pending = asked.delete(target);
  if (!text || text.matches('.deleted')) showGone(target, 'deleted');
  else if (pending) ask(target);
  else show(target, said(text));
});

fillAll();
