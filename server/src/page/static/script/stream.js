// The stream's health: says when the connection is gone and when it is back, and opens the stream anew when
// it has been silent for too long. The server is never silent for more than 15 s; a connection that died
// without a word (a laptop that slept, a network that changed) is noticed by nothing else.

const SILENCE_MS_MAX = 40_000;
const WATCH_EVERY_MS = 5_000;
const BACK_SHOWN_MS = 4_000;

const stream = document.getElementById('stream');
const state = document.getElementById('state');
let heardAt = Date.now();
let lost = false;
/** @type {number | undefined} */
let backTimer;

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
  say(words.text('connection-back'), 'back');
  document.dispatchEvent(new Event('stream-back'));
  backTimer = setTimeout(() => say('', ''), BACK_SHOWN_MS);
}

function gone() {
  if (lost) return;
  lost = true;
  say(words.text('connection-gone'), 'lost');
}

function reopen() {
  heardAt = Date.now();
  stream.dispatchEvent(new Event('reopen'));
}

document.addEventListener('datastar-fetch', ({ detail }) => {
  if (detail.el !== stream) return;
  if (detail.type.startsWith('datastar-patch-')) heard();
  else if (detail.type === 'retrying' || detail.type === 'retries-failed') gone();
});

function watch() {
  if (Date.now() - heardAt < SILENCE_MS_MAX) return;
  gone();
  reopen();
}

setInterval(watch, WATCH_EVERY_MS);
window.addEventListener('offline', gone);
window.addEventListener('online', reopen);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  // The client may be waiting for its next try; whoever looks at the page should not.
  if (lost) reopen();
  else watch();
});
