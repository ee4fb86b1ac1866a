// Following the conversation: at its end the view goes with it, scrolled up it stays, and what came in the
// meantime is counted. A page left open for days keeps its newest rows only.

const NEAR_END_PX = 64;
const ROWS_MAX = 1_000;
const ROWS_SLACK = 100;

const scroller = document.getElementById('scroller');
const messages = document.getElementById('messages');
const outbox = document.getElementById('outbox');
const latest = document.getElementById('latest');
const title = document.title;
let following = true;
let lastTop = 0;
let unseen = 0;
// A row and where it was, while rows come in above it.
let anchor;

const isMessage = (node) => node.classList?.contains('msg');
const isNearEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

function count(more) {
  unseen = more === 0 ? 0 : unseen + more;
  document.title = unseen > 0 ? `(${unseen}) ${title}` : title;
  latest.hidden = unseen === 0 || following;
  latest.textContent = unseen === 1 ? '1 new message' : `${unseen} new messages`;
}

function follow() {
  following = true;
  toEnd();
  count(0);
}

// Rows that come in move the end away from a view that stands still: only a scroll upwards stops following.
scroller.addEventListener('scroll', () => {
  if (isNearEnd()) {
    following = true;
    if (!document.hidden) count(0);
  } else if (scroller.scrollTop < lastTop) {
    following = false;
  }
  lastTop = scroller.scrollTop;
});
latest.addEventListener('click', follow);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && following) count(0);
});

function trim() {
  const rows = messages.children;
  if (!following || rows.length <= ROWS_MAX + ROWS_SLACK) return;
  while (rows.length > ROWS_MAX) rows[0].remove();
  document.querySelector('#older button')?.removeAttribute('hidden');
  document.querySelector('#older p')?.setAttribute('hidden', '');
}

new MutationObserver((records) => {
  const atEnd = records.filter((record) => record.nextSibling === null);
  const added = atEnd.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.isConnected && isMessage(node));
  // The room was emptied: what was counted is gone.
  if (!messages.querySelector('.msg')) count(0);
  if (added.length > 0 && (!following || document.hidden)) count(added.length);
  trim();
}).observe(messages, { childList: true });
new MutationObserver((records) => {
  if (records.some(({ addedNodes }) => addedNodes.length > 0)) follow();
}).observe(outbox, { childList: true });

function settle() {
  if (anchor) {
    scroller.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
    anchor = undefined;
  } else if (following) {
    toEnd();
  }
}

const sizes = new ResizeObserver(settle);
sizes.observe(scroller);
sizes.observe(scroller.firstElementChild);

// The window hears of a patch before the document, where the client applies it.
window.addEventListener(
  'datastar-fetch',
  ({ detail }) => {
    if (detail.type !== 'datastar-patch-elements' || detail.argsRaw.mode !== 'prepend') return;
    const row = messages.firstElementChild;
    if (row) anchor = { row, top: row.getBoundingClientRect().top };
    following = false;
  },
  { capture: true },
);

toEnd();
