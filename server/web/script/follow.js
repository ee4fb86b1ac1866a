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
/** @type {{ row: Element, at: number } | undefined} A row and where in the list it was, while something changes above it. */
let anchor;

/** @param {Node} node */
const isMessage = (node) => node instanceof HTMLElement && node.classList.contains('msg');
/** @param {Element} row */
const placeOf = (row) => row.getBoundingClientRect().top + scroller.scrollTop;
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
latest.addEventListener('click', () => {
  // Whoever loads the page anew is not taken back to what they had come for.
  history.replaceState(null, '', location.pathname + location.search);
  follow();
  (document.getElementById('draft') ?? scroller).focus({ preventScroll: true });
});
// The browser's own way there would stop where something comes in meanwhile.
scroller.addEventListener('keydown', (event) => {
  if (event.key !== 'End' || event.target !== scroller) return;
  event.preventDefault();
  follow();
});
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
  if (anchor?.row.isConnected) {
    const at = placeOf(anchor.row);
    scroller.scrollTop += at - anchor.at;
    lastTop = scroller.scrollTop;
    anchor.at = at;
  } else if (isFollowing()) {
    toEnd();
  }
}

const sizes = new ResizeObserver(settle);
sizes.observe(scroller);
if (scroller.firstElementChild) sizes.observe(scroller.firstElementChild);

// History comes in somewhere above what is in sight, or below, a text is edited, a reaction put: the first row in sight
// stays where it is. The window hears of a patch before the document, where the client applies it.
window.addEventListener(
  'datastar-fetch',
  ({ detail }) => {
    if (detail.type !== 'datastar-patch-elements' || isFollowing()) return;
    if (anchor) return;
    const { top } = scroller.getBoundingClientRect();
    const rows = [...messages.children].filter((row) => !row.classList.contains('hole'));
    const row = rows.find((row) => row.getBoundingClientRect().bottom > top);
    if (!row) return;
    anchor = { row, at: placeOf(row) };
    // Once the frame that shows the patch has been laid out.
    requestAnimationFrame(() => setTimeout(() => (anchor = undefined)));
  },
  { capture: true },
);

follow();
