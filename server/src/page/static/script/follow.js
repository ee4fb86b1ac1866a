// Following the conversation: at its end the view goes with it, scrolled up it stays, and what came in the
// meantime is counted. The class `following` of the scroller says which to the other parts.

const NEAR_END_PX = 64;

const scroller = document.getElementById('scroller');
const messages = document.getElementById('messages');
const outbox = document.getElementById('outbox');
const latest = document.getElementById('latest');
const title = document.title;
let lastTop = 0;
let unseen = 0;
/** @type {{ row: Element, top: number } | undefined} A row and where it was, while rows come in above it. */
let anchor;

/** @param {Node} node */
const isMessage = (node) => node instanceof HTMLElement && node.classList.contains('msg');
const isNearEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
const isFollowing = () => scroller.classList.contains('following');

/** @param {boolean} following */
function setFollowing(following) {
  scroller.classList.toggle('following', following);
  say();
}

function say() {
  document.title = unseen > 0 ? `(${unseen}) ${title}` : title;
  latest.hidden = isFollowing();
  latest.classList.toggle('news', unseen > 0);
  latest.textContent = unseen === 0 ? words.text('to-newest') : words.text('new-messages', { count: unseen });
}

/** @param {number} more */
function count(more) {
  unseen = more === 0 ? 0 : unseen + more;
  say();
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

function follow() {
  setFollowing(true);
  toEnd();
  count(0);
}

// Rows that come in move the end away from a view that stands still: only a scroll upwards stops following.
scroller.addEventListener('scroll', () => {
  if (isNearEnd()) {
    setFollowing(true);
    if (!document.hidden) count(0);
  } else if (scroller.scrollTop < lastTop) {
    setFollowing(false);
  }
  lastTop = scroller.scrollTop;
});
latest.addEventListener('click', follow);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && isFollowing()) count(0);
});
document.addEventListener('row-show', ({ detail: row }) => {
  row.scrollIntoView({ block: 'center' });
  lastTop = scroller.scrollTop;
  setFollowing(isNearEnd());
});

new MutationObserver((records) => {
  const atEnd = records.filter((record) => record.nextSibling === null);
  const added = atEnd.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.isConnected && isMessage(node));
  // The room was emptied: what was counted is gone, and there is nowhere else to be.
  if (!messages.querySelector('.msg')) follow();
  if (added.length > 0 && (!isFollowing() || document.hidden)) count(added.length);
}).observe(messages, { childList: true });
new MutationObserver((records) => {
  if (records.some(({ addedNodes }) => addedNodes.length > 0)) follow();
}).observe(outbox, { childList: true });

function settle() {
  if (anchor) {
    scroller.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
    lastTop = scroller.scrollTop;
    anchor = undefined;
  } else if (isFollowing()) {
    toEnd();
  }
}

const sizes = new ResizeObserver(settle);
sizes.observe(scroller);
if (scroller.firstElementChild) sizes.observe(scroller.firstElementChild);

// History comes in somewhere above what is in sight, or below: the first row in sight stays where it is. The
// window hears of a patch before the document, where the client applies it.
window.addEventListener(
  'datastar-fetch',
  ({ detail }) => {
    if (detail.type !== 'datastar-patch-elements' || isFollowing()) return;
    if (!['prepend', 'before', 'after'].includes(detail.argsRaw.mode)) return;
    const { top } = scroller.getBoundingClientRect();
    const rows = [...messages.children].filter((row) => !row.classList.contains('hole'));
    const row = rows.find((row) => row.getBoundingClientRect().bottom > top);
    if (row) anchor = { row, top: row.getBoundingClientRect().top };
  },
  { capture: true },
);

follow();
