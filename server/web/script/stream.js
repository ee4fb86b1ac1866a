// The stream's health: says when the connection is lost and when it is back, and has it opened again when it
// was lost or has been silent for too long. The server is never silent for more than 15 s; where nobody sends
// anything (`ask`), a connection that died silently (a laptop that slept, a network that changed) is noticed by
// nothing else. `tabs` decides
// which tab has the connection; the events arrive here in all of them alike.

import { connectionState, deniedNotice, stream } from './dom.js';
import { localize } from './i18n.js';
import { hasPlace, reopenStream } from './tabs.js';

const SILENCE_MS_MAX = 40_000;
const CHECK_EVERY_MS = 5_000;
const BACK_SHOWN_MS = 4_000;
// Drawn again for each wait: browsers that lost their server at the same time must not all return at the same
// time.
const FIRST_WAIT_MS = [1_000, 4_000];
const WAIT_MS_MAX = 8_000;
// The wait of a reader who may not read the room: it looks now and then if it may.
const DENIED_WAIT_MS = [30_000, 60_000];

let heardAt = Date.now();
let isLost = false;
// The reader may not read, and the page says so.
let isDenied = false;
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

/** @param {number[]} wait */
const drawn = ([least, most]) => least + Math.random() * (most - least);

// The stream of this room ends here, and its other rooms go on.
function noteDenial() {
  isDenied = true;
  isLost = false;
  show('', '');
  clearTimeout(retryTimer);
  retryTimer = setTimeout(reopen, drawn(DENIED_WAIT_MS), 'changed');
}

function noteEvent() {
  heardAt = Date.now();
  if (isDenied) {
    isDenied = false;
    clearTimeout(retryTimer);
    deniedNotice()?.setAttribute('hidden', '');
  }
  if (!isLost) return;
  isLost = false;
  tries = 0;
  clearTimeout(retryTimer);
  show(localize('connection-back'), 'back');
  for (const listener of listeners) listener();
  backTimer = setTimeout(() => show('', ''), BACK_SHOWN_MS);
}

function noteLoss() {
  if (isLost || !hasPlace()) return;
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
  if (isDenied) return;
  noteLoss();
  clearTimeout(retryTimer);
  const wait = Math.min(WAIT_MS_MAX, drawn(FIRST_WAIT_MS) * 2 ** tries);
  tries += 1;
  retryTimer = setTimeout(reopen, wait, 'lost');
}

document.addEventListener('datastar-fetch', ({ detail }) => {
  if (detail.el !== stream) return;
  if (detail.argsRaw?.denied !== undefined) noteDenial();
  else if (detail.type.startsWith('datastar-patch-')) noteEvent();
  else if (detail.type === 'retrying') retryLater();
});

function checkSilence() {
  if (isDenied || Date.now() - heardAt < SILENCE_MS_MAX) return;
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
  else if (isDenied) reopen('changed');
  else checkSilence();
});
