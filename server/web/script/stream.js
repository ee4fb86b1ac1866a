// The stream's health: says when the connection is lost and when it is back, and has it opened again when it
// was lost or has been silent for too long. The server is never silent for more than 15 s; where nobody sends
// anything (`ask`), a connection that died silently (a laptop that slept, a network that changed) is noticed by
// nothing else. `tabs` decides
// which tab has the connection; the events arrive here in all of them alike.

import { connectionState, stream } from './dom.js';
import { localize } from './i18n.js';
import { reopenStream } from './tabs.js';

const SILENCE_MS_MAX = 40_000;
const CHECK_EVERY_MS = 5_000;
const BACK_SHOWN_MS = 4_000;
// Drawn again for each wait: browsers that lost their server at the same time must not all return at the same
// time.
const FIRST_WAIT_MS = [1_000, 4_000];
const WAIT_MS_MAX = 8_000;

let heardAt = Date.now();
let isLost = false;
let tries = 0;
/** Called when the stream is back. @type {(() => void)[]} */
const listeners = [];
/** @type {number | undefined} */
let backTimer;
/** @type {number | undefined} */
let retryTimer;

/** Has a function called each time that the stream is back after it was lost. @param {() => void} listener */
export function whenReconnected(listener) {
  listeners.push(listener);
}

/** @param {string} text @param {string} kind */
function show(text, kind) {
  clearTimeout(backTimer);
  connectionState.textContent = text;
  connectionState.className = kind;
}

function noteEvent() {
  heardAt = Date.now();
  if (!isLost) return;
  isLost = false;
  tries = 0;
  clearTimeout(retryTimer);
  show(localize('connection-back'), 'back');
  for (const listener of listeners) listener();
  backTimer = setTimeout(() => show('', ''), BACK_SHOWN_MS);
}

function noteLoss() {
  if (isLost) return;
  isLost = true;
  show(localize('connection-gone'), 'lost');
}

/** @param {'lost' | 'changed'} why */
function reopen(why) {
  heardAt = Date.now();
  reopenStream(why);
}

/** A request had no answer: the connection is taken for lost, and opened again. */
export function noteNoAnswer() {
  noteLoss();
  reopen('changed');
}

function retryLater() {
  noteLoss();
  clearTimeout(retryTimer);
  const [least, most] = FIRST_WAIT_MS;
  const wait = Math.min(WAIT_MS_MAX, (least + Math.random() * (most - least)) * 2 ** tries);
  tries += 1;
  retryTimer = setTimeout(reopen, wait, 'lost');
}

document.addEventListener('datastar-fetch', ({ detail }) => {
  if (detail.el !== stream) return;
  if (detail.type.startsWith('datastar-patch-')) noteEvent();
  else if (detail.type === 'retrying') retryLater();
});

function checkSilence() {
  if (Date.now() - heardAt < SILENCE_MS_MAX) return;
  noteLoss();
  reopen('changed');
}

setInterval(checkSilence, CHECK_EVERY_MS);
window.addEventListener('offline', noteLoss);
window.addEventListener('online', () => reopen('changed'));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  // The next try may be far off; a reader who looks at the page should not wait for it.
  if (isLost) reopen('lost');
  else checkSilence();
});
