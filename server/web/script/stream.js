// The stream's health: says when the connection is gone and when it is back, and asks for it anew when it was lost or
// has been silent for too long. The server is never silent for more than 15 s; a connection that died without a word
// (a laptop that slept, a network that changed) is noticed by nothing else. Which tab has the connection is the
// business of `tabs`; to be told here is the same for all of them.

const SILENCE_MS_MAX = 40_000;
const WATCH_EVERY_MS = 5_000;
const BACK_SHOWN_MS = 4_000;
// Drawn anew for each wait: browsers that lost their server at once must not all return at once.
const FIRST_WAIT_MS = [1_000, 4_000];
const WAIT_MS_MAX = 8_000;

const stream = document.getElementById('stream');
const state = document.getElementById('state');
let heardAt = Date.now();
let lost = false;
let tries = 0;
/** @type {number | undefined} */
let backTimer;
/** @type {number | undefined} */
let againTimer;

/** @param {string} text @param {string} kind */
function say(text, kind) {
  clearTimeout(backTimer);
  state.textContent = text;
  state.className = kind;
}

function heard() {
  heardAt = Date.now();
  if (!lost) return;
  lost = false;
  tries = 0;
  clearTimeout(againTimer);
  say(words.text('connection-back'), 'back');
  document.dispatchEvent(new Event('stream-back'));
  backTimer = setTimeout(() => say('', ''), BACK_SHOWN_MS);
}

function gone() {
  if (lost) return;
  lost = true;
  say(words.text('connection-gone'), 'lost');
}

/** @param {'lost' | 'changed'} why */
function reopen(why) {
  heardAt = Date.now();
  stream.dispatchEvent(new CustomEvent('reopen', { detail: why }));
}

function again() {
  gone();
  clearTimeout(againTimer);
  const [least, most] = FIRST_WAIT_MS;
  const wait = Math.min(WAIT_MS_MAX, (least + Math.random() * (most - least)) * 2 ** tries);
  tries += 1;
  againTimer = setTimeout(reopen, wait, 'lost');
}

document.addEventListener('datastar-fetch', ({ detail }) => {
  if (detail.el !== stream) return;
  if (detail.type.startsWith('datastar-patch-')) heard();
  else if (detail.type === 'retrying') again();
});

function watch() {
  if (Date.now() - heardAt < SILENCE_MS_MAX) return;
  gone();
  reopen('changed');
}

setInterval(watch, WATCH_EVERY_MS);
window.addEventListener('offline', gone);
window.addEventListener('online', () => reopen('changed'));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  // It may be waiting for its next try; whoever looks at the page should not.
  if (lost) reopen('lost');
  else watch();
});
