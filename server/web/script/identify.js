// Somebody for whom the site around a panel vouches, by a token that its page gives. The token is in this document
// alone. Another person is another document: what was kept of the one before is removed, in all tabs of the site.

import { authorId, noteAnswer, whenAuthor } from './author.js';
import { guestToken, heldToken, holdToken, isReaderAwaited, keepToken } from './bearer.js';
import { composer, isPanel, problem } from './dom.js';
import { forgetLeft, hear, post, reportProblem } from './host.js';
import { localize } from './i18n.js';
import { isSeen, whenSeen } from './seen.js';
import { forgetAll, load, save } from './storage.js';

/** The part of a token's life after which another one is asked for. */
const LIFE_PART = 0.8;
/** The id of the last author of a document for whom the site vouched: in all tabs, and in this one. */
const VOUCHED = 'millchat:vouched';

const ASK_EVERY_MS_MIN = 30_000;
/** The time that the page around the panel has for an answer. */
const ANSWER_MS_MAX = 10_000;

/** The person whom the token of this document names; nothing where the site vouches for nobody. */
let subject = '';
/** The server did not take the token. */
let isRefused = false;
/** The token is old enough for another one. */
let isDue = false;
/** The author whom the page around the panel knows of. */
let told = '';
/** The time at which the page around the panel was last asked: it answers to a new document unasked. */
let askedAt = performance.now();
/** @type {number | undefined} */
let timer;
/** @type {number | undefined} */
let renewTimer;
/** @type {(() => void)[]} */
const listeners = [];
const others = openChannel();

function openChannel() {
  try {
    return isPanel ? new BroadcastChannel('millchat:panel-person') : undefined;
  } catch {
    return undefined;
  }
}

/** Has a function called when it is known for whom the site vouches, or that it does for nobody; again with each other
 *  token. @param {() => void} listener */
export function whenIdentified(listener) {
  listeners.push(listener);
  if (!isReaderAwaited()) setTimeout(listener);
}

/** Returns the claims of a part of a token, which nobody has checked. @param {string} [part] */
function claimsIn(part = '') {
  try {
    return JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return {};
  }
}

/** Waits for the page around the panel. */
function wait() {
  timer = setTimeout(take, ANSWER_MS_MAX, {});
}

/** Asks the page around the panel for another token, now and then at most. */
function need() {
  clearTimeout(timer);
  isDue = false;
  timer = setTimeout(ask, Math.max(0, askedAt + ASK_EVERY_MS_MIN - performance.now()));
}

function ask() {
  askedAt = performance.now();
  post({ kind: 'need-identity' });
  wait();
}

/** The server does not take the token of this document. Returns whether the site vouched for it. */
export function refuseVouched() {
  if (!subject) return false;
  if (!isRefused) need();
  isRefused = true;
  return true;
}

/** Removes what is kept of an author, here and in the other tabs. @param {string} id */
function forget(id) {
  if (id) forgetAll(`${id}:`);
  others?.postMessage('changed');
}

/** This document ends. */
let isEnding = false;

/** Another person reads from now on, or nobody. */
function change() {
  isEnding = true;
  forgetLeft();
  forget(authorId());
  save(VOUCHED, '');
  save(VOUCHED, '', 'sessionStorage');
  location.reload();
}

// Whoever the guest of this browser was, it is not them.
function forgetGuest() {
  const { id } = claimsIn(guestToken()?.split('.')[0]);
  if (id) forgetAll(`${id}:`);
  keepToken('');
}

/** @param {string} token */
function vouch(token) {
  const { iss, sub, exp } = claimsIn(token.split('.')[1]);
  const next = JSON.stringify([iss, sub]);
  if (subject && subject !== next) return change();
  document.documentElement.hidden = false;
  const [isSame, wasRefused] = [token === heldToken(), isRefused];
  isRefused = false;
  // There is no other one.
  if (isSame && !wasRefused) return;
  if (isSame) {
    subject = '';
    holdToken('');
    reportProblem('identity');
    problem.textContent = localize('panel-unvouched');
  } else {
    subject = next;
    holdToken(token);
    forgetGuest();
    clearTimeout(renewTimer);
    const left = Number(exp) * 1_000 - Date.now();
    if (left > 0) renewTimer = setTimeout(renew, left * LIFE_PART);
  }
  tell();
}

function tell() {
  noteAnswer();
  for (const listener of listeners) listener();
}

function renew() {
  if (isSeen()) need();
  else isDue = true;
}

/** @param {{ token?: unknown }} said without a token the page around the panel has failed */
function take({ token }) {
  clearTimeout(timer);
  if (isEnding) return;
  if (typeof token === 'string' && token) return vouch(token);
  if (subject && (token === null || document.documentElement.hidden)) return change();
  if (token !== null) {
    problem.textContent = localize('panel-unvouched');
    reportProblem('identity');
  }
  // What is typed stays, and who was known is so for as long as the server takes the token.
  if (!isReaderAwaited()) return;
  holdToken('');
  if (token === null && load(VOUCHED)) {
    forget(load(VOUCHED));
    save(VOUCHED, '');
  }
  tell();
}

function noteAuthor() {
  const id = authorId();
  if (!id || isEnding) return;
  if (id !== told) post({ kind: 'identity', author: { id, name: composer.dataset.authorName ?? '' } });
  told = id;
  if (!subject) return;
  const [before, here] = [load(VOUCHED), load(VOUCHED, 'sessionStorage')];
  if (before && before !== id && here !== id) forget(before);
  save(VOUCHED, id);
  save(VOUCHED, id, 'sessionStorage');
}

if (isPanel && window.parent !== window) {
  hear('identity', take);
  whenAuthor(noteAuthor);
  whenSeen((seen) => seen && isDue && need());
  if (isReaderAwaited()) wait();
  others?.addEventListener('message', () => subject && need());
  // When the browser brings this page back, somebody else may have signed in: nothing is seen before that is known.
  window.addEventListener('pagehide', () => {
    document.documentElement.hidden = subject !== '';
  });
  window.addEventListener('pageshow', ({ persisted }) => {
    if (!persisted || !subject) return;
    clearTimeout(timer);
    ask();
  });
}
