// The author of this page, whose texts the browser keeps. A page has the one of its cookie. A panel is nobody's until
// its foot says whose token it holds; another panel of the browser may get the token of somebody else, and until the
// foot was fetched again nothing is sent. What a panel keeps of an author begins with their id.

import { hasToken, heldToken, isReaderAwaited } from './bearer.js';
import { composer, isPanel, room } from './dom.js';

/** The key of the token. */
const PERSON = 'millchat:panel';

/** @type {((before: string) => void)[]} */
const listeners = [];
let isAsking = isPanel && (hasToken() || isReaderAwaited());
/** The last author that is known, if there was one. */
let last = authorId();

/** Returns the id of the author, or nothing for nobody. */
export function authorId() {
  return composer.dataset.authorId ?? '';
}

/** Returns whether this id is the author's own, also from before they signed in. @param {string} id */
export const isOwnId = (id) => id === authorId() || (composer.dataset.authorWas ?? '').split(' ').includes(id);

/** Returns whether the page knows who its author is, or that it is nobody's. */
export const isAuthorKnown = () => !isAsking;

/** Returns the name under which something of an author in this room is kept.
 *  @param {string} what @param {string} [author] */
export function keyOfAuthor(what, author = last) {
  const key = `millchat:${what}:${room}`;
  return isPanel ? `${author || 'nobody'}:${key}` : key;
}

/** Has a function called, with the author before, when a panel has another author, or has asked for its author again.
 *  Who is nobody any more keeps their texts until there is another one. @param {(before: string) => void} listener */
export function whenAuthor(listener) {
  listeners.push(listener);
}

function tell() {
  const id = authorId();
  if (id) isAsking = false;
  if (!isPanel || !id || id === last) return;
  const before = last;
  last = id;
  for (const listener of listeners) listener(before);
}

/** The author is known, or nobody is. */
export function noteAnswer() {
  isAsking = false;
  for (const listener of listeners) listener(last);
}

if (isPanel) {
  new MutationObserver(tell).observe(composer, { attributeFilter: ['data-author-id'] });
  window.addEventListener('storage', ({ key }) => {
    if (key !== PERSON || heldToken()) return;
    isAsking = true;
    composer.dispatchEvent(new CustomEvent('refresh'));
  });
  document.addEventListener('datastar-fetch', ({ detail: { el, type } }) => {
    if (el !== composer || type !== 'datastar-patch-elements') return;
    // After the patch.
    setTimeout(noteAnswer);
  });
}
