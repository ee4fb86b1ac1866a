// Following the conversation: at the end the view moves along with new messages; scrolled up it stays, and
// what arrives is counted. The class `following` of the scroller holds which of the two it is.

import { draftField, latest, messages, outbox, scroller } from './dom.js';
import { localize } from './i18n.js';
import { isMessage } from './message.js';
import { isSeen, whenSeen } from './seen.js';

const NEAR_END_PX = 64;

const title = document.title;
let lastTop = 0;
let unseen = 0;
/** A row and its place in the list, while something changes above it.
 *  @type {{ row: Element, at: number } | undefined} */
let anchor;

/** @param {Element} row */
const placeOf = (row) => row.getBoundingClientRect().top + scroller.scrollTop;
const isNearEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
export function isFollowing() {
  return scroller.classList.contains('following');
}

/** @param {boolean} following */
function setFollowing(following) {
  scroller.classList.toggle('following', following);
  show();
}

function show() {
  document.title = unseen > 0 ? `(${unseen}) ${title}` : title;
  latest.hidden = isFollowing();
  latest.classList.toggle('news', unseen > 0);
  latest.textContent = unseen === 0 ? localize('to-newest') : localize('new-messages', { count: unseen });
}

/** @param {number} more */
function count(more) {
  unseen = more === 0 ? 0 : unseen + more;
  show();
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

/** Goes to the end, and moves along with it. */
export function follow() {
  setFollowing(true);
  toEnd();
  count(0);
}

// New rows move the end away from a view that does not move: only a scroll upwards stops following.
scroller.addEventListener('scroll', () => {
  if (isNearEnd()) {
    setFollowing(true);
    if (isSeen()) count(0);
  } else if (scroller.scrollTop < lastTop) {
    setFollowing(false);
  }
  lastTop = scroller.scrollTop;
});
latest.addEventListener('click', () => {
  // A reload must not go back to the message that the address named.
  history.replaceState(null, '', location.pathname + location.search);
  follow();
  (draftField() ?? scroller).focus({ preventScroll: true });
});
// The browser's own scrolling to the end stops short when a row arrives in the meantime.
scroller.addEventListener('keydown', (event) => {
  if (event.key !== 'End' || event.target !== scroller) return;
  event.preventDefault();
  follow();
});
whenSeen((seen) => {
  if (seen && isFollowing()) count(0);
});

/** Brings a row into view. @param {Row} row */
export function showRow(row) {
  row.scrollIntoView({ block: 'center' });
  lastTop = scroller.scrollTop;
  setFollowing(isNearEnd());
}

/** Leaves the view where it is after its reader has made a row higher or lower. */
export function stay() {
  lastTop = scroller.scrollTop;
  setFollowing(isNearEnd());
}

/** Brings a row to this distance from the top of the view. @param {Row} row @param {number} below */
export function showRowAt(row, below) {
  scroller.scrollTop = placeOf(row) - scroller.getBoundingClientRect().top - below;
  lastTop = scroller.scrollTop;
  setFollowing(isNearEnd());
}

new MutationObserver((records) => {
  const atEnd = records.filter((record) => record.nextSibling === null);
  const nodes = atEnd.flatMap(({ addedNodes }) => [...addedNodes]);
  const added = nodes.filter((node) => node.isConnected && isMessage(node));
  // The room was purged: what was counted is gone, and so is the place that the view was at.
  if (!messages.querySelector('.msg')) follow();
  if (added.length > 0 && (!isFollowing() || !isSeen())) count(added.length);
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

const sizes = window.ResizeObserver ? new ResizeObserver(settle) : undefined;
sizes?.observe(scroller);
if (scroller.firstElementChild) sizes?.observe(scroller.firstElementChild);

// History arrives above the view or below it, a text is edited, a reaction is added: the first row in view
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
    // Once the frame that shows the patch has been laid out. Another patch may be there already, of the next frame.
    requestAnimationFrame(() =>
      setTimeout(() => {
        settle();
        anchor = undefined;
      }),
    );
  },
  { capture: true },
);

follow();
