// A panel and the page around it. That page sends the end of a channel, once; nobody else is listened to, and no other
// message of the window is. What arrives is checked here, and of what is written only its place and its author go out.

import { isAuthorKnown, keyOfAuthor, whenAuthor } from './author.js';
import { composer, draftField, isPanel, messages, nameField, room } from './dom.js';
import { isMessage, positionOf } from './message.js';
import './rows.js';
import { setShown } from './seen.js';
import { load, save } from './storage.js';

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
/** The newest message that the page around the panel was told of, and the newest one before all of these. */
let newest = newestPosition();
let first = newest;
/** The rows of a room that only some may read come later, all at once. */
let isShell = document.body.dataset.shell !== undefined;
/** The name that the page around the panel suggests. */
let suggested = '';
/** The heading that it wants; empty: the room's own. @type {string | undefined} */
let wantedTitle;
/** The page around the panel has put it away. */
let isAway = false;
/** The newest message when the panel was last shown; infinite while it is shown, and not known before its reader is.
 *  @type {number | undefined} */
let left;
/** The count of unread messages that the page around the panel knows. */
let told = 0;

/** @param {object} message */
export const post = (message) => port?.postMessage(message);

/** Has a function called with what the page around the panel says of this kind.
 *  @param {string} kind @param {(data: any) => void} listener */
export function hear(kind, listener) {
  KINDS[kind] = listener;
}

/** Says that something is wrong. @param {'identity'} code */
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

// The patch of a whole room brings another one.
function showTitle() {
  const heading = /** @type {HTMLElement | null} */ (document.querySelector('.bar h1'));
  const shown = heading?.querySelector('bdi');
  const title = wantedTitle || heading?.dataset.title;
  if (shown && title && wantedTitle !== undefined && shown.textContent !== title) shown.textContent = title;
}

/** The name under which `left` is kept, for the next page of the host in this tab. */
let place = keyOfAuthor('left');

function keepLeft() {
  if (left !== undefined) save(place, `${Math.min(left, newest)}`, 'sessionStorage');
}

/** Forgets when the panel was last shown to this reader. */
export function forgetLeft() {
  left = undefined;
}

function findLeft() {
  if (!isAway || left !== undefined || isShell || !isAuthorKnown()) return;
  const kept = load(place, 'sessionStorage');
  left = kept === '' ? newest : Number(kept);
}

function tellUnread() {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (messages.querySelectorAll('.msg:not(.mine)'));
  const since = left ?? Infinity;
  const count = [...rows].filter((row) => positionOf(row) > since).length;
  if (count === told) return;
  told = count;
  post({ kind: 'unread', count });
}

/** What the page around the panel may say, by kind. @type {Record<string, (data: any) => void>} */
const KINDS = {
  set({ theme, accent, title: wanted, name }) {
    const { dataset } = document.documentElement;
    if (['light', 'dark'].includes(theme) && dataset.theme !== theme) dataset.theme = theme;
    if (typeof accent === 'string' && /^(#[\da-f]{6})?$/i.test(accent)) paint(accent.toLowerCase());
    if (typeof wanted === 'string' && wanted.length <= TITLE_CHARS_MAX) wantedTitle = wanted;
    showTitle();
    // A person may have taken the suggestion away.
    if (typeof name !== 'string' || name.slice(0, TITLE_CHARS_MAX) === suggested) return;
    suggested = name.slice(0, TITLE_CHARS_MAX);
    suggestName();
  },
  shown({ shown, heard }) {
    isAway = shown !== true;
    if (!isAway) left = Infinity;
    // What that page had not heard of yet came after it had put the panel away.
    else if (left === Infinity) left = Math.max(first, Number(heard) || 0);
    findLeft();
    keepLeft();
    setShown(!isAway);
    tellUnread();
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
    if (isShell) first = newest = newestPosition();
    isShell = false;
    findLeft();
    const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
    for (const row of added) if (isMessage(row) && row.isConnected) note(row);
    tellUnread();
  }).observe(messages, { childList: true });
  whenAuthor(() => {
    if (place !== keyOfAuthor('left') && isAway) left = undefined;
    place = keyOfAuthor('left');
    findLeft();
    tellUnread();
  });
  new MutationObserver(suggestName).observe(composer, { childList: true });
  document.addEventListener('click', ({ target }) => {
    if (target instanceof Element && target.closest('#shut')) post({ kind: 'close' });
  });
  document.addEventListener('datastar-fetch', ({ detail: { el, type } }) => {
    // The patch of a whole room hides the button, as the server sends it.
    if (el.id !== 'joiner' || type !== 'datastar-patch-elements') return;
    setTimeout(() => {
      showCloseButton();
      showTitle();
    });
  });
  // A page of the chat is opened beside the frame, which stays in its room.
  const beside = (/** @type {Event} */ { target }) => {
    const way = target instanceof Element && target.closest('a[href]');
    if (way && !way.getAttribute('href')?.startsWith('#')) way.setAttribute('target', '_blank');
  };
  document.addEventListener('click', beside, { capture: true });
  window.addEventListener('pagehide', keepLeft);
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
    if (event.key === 'Escape' && !event.isComposing && !event.defaultPrevented && !isTaken) {
      post({ kind: 'close', key: true });
    }
  });
}
