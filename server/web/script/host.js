// A panel and the page around it. That page sends the end of a channel, once; nobody else is listened to, and no other
// message of the window is. What arrives is checked here, and of what is written only its place and its author go out.

import { composer, draftField, isPanel, messages, nameField, room } from './dom.js';
import { isMessage, positionOf } from './message.js';
import './rows.js';
import { setShown } from './seen.js';

const TITLE_CHARS_MAX = 80;
/** What Escape closes here before it closes the panel. */
const OPEN = [
  'dialog[open]',
  '#menu:popover-open',
  '#people.open',
  '#mentionable:not([hidden])',
  '#writer[data-editing]',
  '#writer[data-reply-to]',
  '.picker:not([hidden])',
  '#writer ~ #namer:not([hidden])',
].join();

/** @type {MessagePort | undefined} */
let port;
/** The newest message that the page around the panel knows of. */
let newest = newestPosition();
/** The rows of a room that only some may read come later, all at once. */
let isShell = document.body.dataset.shell !== undefined;
/** The name that the page around the panel suggests. */
let suggested = '';

/** @param {object} message */
const post = (message) => port?.postMessage(message);

/** Says that something is wrong. @param {'identity' | 'no-room'} code */
export const reportProblem = (code) => post({ kind: 'error', code });

function newestPosition() {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (messages.querySelectorAll('.msg'));
  return Math.max(0, ...[...rows].map((row) => Number(row.dataset.position) || 0));
}

function suggestName() {
  const field = nameField();
  if (field && !field.value && !composer.dataset.authorId) field.value = suggested;
}

/** @param {string} accent */
function paint(accent) {
  const before = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[href^="/assets/accent-"]'));
  const href = `/assets/accent-${accent.slice(1)}.css`;
  if (before?.getAttribute('href') === href) return;
  if (accent) {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = href;
    document.head.append(link);
  }
  before?.remove();
}

const heading = document.querySelector('.bar h1 bdi');
const title = heading?.textContent ?? '';

/** What the page around the panel may say, by kind. @type {Record<string, (data: any) => void>} */
const KINDS = {
  set({ theme, accent, title: wanted, name }) {
    if (['light', 'dark'].includes(theme)) document.documentElement.dataset.theme = theme;
    if (typeof accent === 'string' && /^(#[\da-f]{6})?$/i.test(accent)) paint(accent.toLowerCase());
    const isTitle = typeof wanted === 'string' && wanted.length <= TITLE_CHARS_MAX;
    if (isTitle && heading && wanted) heading.textContent = wanted;
    if (isTitle && heading && !wanted) heading.textContent = title;
    if (typeof name !== 'string') return;
    suggested = name.slice(0, TITLE_CHARS_MAX);
    suggestName();
  },
  shown({ shown }) {
    setShown(shown === true);
  },
  focus() {
    (draftField() ?? nameField())?.focus();
  },
};

function showCloseButton() {
  document.getElementById('shut')?.removeAttribute('hidden');
}

/** @param {MessageEvent} event */
function greet({ source, data, ports }) {
  if (source !== window.parent || data?.kind !== 'hello' || !ports[0]) return;
  window.removeEventListener('message', greet);
  [port] = ports;
  port.onmessage = ({ data }) => {
    if (Object.hasOwn(KINDS, String(data?.kind))) KINDS[data.kind](data);
  };
  showCloseButton();
  post({ kind: 'ready' });
}

/** @param {Row} row */
function note(row) {
  const position = positionOf(row);
  if (!(position > newest)) return;
  newest = position;
  const own = row.classList.contains('mine');
  const author = { id: row.dataset.authorId ?? '', name: row.name ?? '' };
  post({ kind: 'message', position, room, author, own });
}

if (isPanel && window.parent !== window) {
  window.addEventListener('message', greet);
  new MutationObserver((records) => {
    if (isShell) newest = newestPosition();
    isShell = false;
    const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
    for (const row of added) if (isMessage(row) && row.isConnected) note(row);
  }).observe(messages, { childList: true });
  new MutationObserver(suggestName).observe(composer, { childList: true });
  document.addEventListener('click', ({ target }) => {
    if (target instanceof Element && target.closest('#shut')) post({ kind: 'close' });
  });
  document.addEventListener('datastar-fetch', ({ detail: { el, type } }) => {
    // The patch of a whole room hides the button, as the server sends it.
    if (el.id === 'joiner' && type === 'datastar-patch-elements') setTimeout(showCloseButton);
  });
  // What is open is closed by the same key.
  let isTaken = false;
  window.addEventListener(
    'keydown',
    () => {
      isTaken = document.querySelector(OPEN) !== null;
    },
    { capture: true },
  );
  window.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing && !event.defaultPrevented && !isTaken) post({ kind: 'close' });
  });
}
