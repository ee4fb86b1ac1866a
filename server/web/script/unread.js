// The divider where the reader left off, above the first message that arrived since. The newest position that
// was seen is kept in the browser for each room; the divider goes when the reader writes, or leaves again.

import { messages, outbox, room, scroller } from './dom.js';
import { isFollowing, showRow } from './follow.js';
import { seekPosition } from './history.js';
import { localize } from './i18n.js';
import { isMessage, positionOf } from './message.js';
import { isSeen, whenSeen } from './seen.js';
import { load, save } from './storage.js';

const SEEN = `millchat:seen:${room}`;
const DIVIDER = localize('new-line');

/** The newest position that was seen when the reader left; none while the reader is here.
 *  @type {number | undefined} */
let mark = Number(load(SEEN)) || undefined;
/** The position is older than the page, and its rows are being fetched. */
let isSeeking = false;

const rows = () => /** @type {NodeListOf<Row>} */ (messages.querySelectorAll('.msg'));
const isHere = () => isSeen() && isFollowing();

function newest() {
  let row = messages.lastElementChild;
  while (row && !isMessage(row)) row = row.previousElementSibling;
  return positionOf(row) || 0;
}

function saveSeen() {
  if (!isHere() || isSeeking) return;
  save(SEEN, `${newest()}`);
}

function divider() {
  return /** @type {Row | null} */ (messages.querySelector('[data-unread]'));
}

function clear() {
  divider()?.removeAttribute('data-unread');
  mark = undefined;
}

// If all rows of the page are new the divider is at the top, and moves up as older rows arrive.
function place() {
  const since = mark;
  if (since === undefined) return;
  const row = [...rows()].find((row) => positionOf(row) > since);
  const current = divider();
  if (!row || row === current || (!current && row.classList.contains('mine'))) return;
  if (current && positionOf(current) < positionOf(row)) return;
  current?.removeAttribute('data-unread');
  row.dataset.unread = DIVIDER;
}

function leave() {
  if (divider() && isFollowing()) clear();
  if (!divider()) mark = newest();
}

// Shows the divider if it is not in view at the end. A tab that was hidden has not scrolled to the end yet.
function showDivider() {
  const row = divider();
  if (!row) return;
  const at = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  if (scroller.scrollHeight - at <= scroller.clientHeight) return;
  showRow(row);
}

function comeBack() {
  if (!divider() && !isSeeking) mark = undefined;
  saveSeen();
}

whenSeen((seen) => {
  if (!seen) return leave();
  // The first message that arrived in the meantime is above the view: the reader goes on from there.
  if (isFollowing()) showDivider();
  if (isHere()) comeBack();
});
new MutationObserver(() => {
  if (!isSeen()) return;
  if (isHere()) comeBack();
  else if (mark === undefined) leave();
}).observe(scroller, { attributeFilter: ['class'] });
new MutationObserver(() => {
  place();
  saveSeen();
}).observe(messages, { childList: true });
new MutationObserver((records) => {
  if (records.some(({ addedNodes }) => addedNodes.length > 0)) clear();
}).observe(outbox, { childList: true });

place();
const first = divider();
const older = /** @type {HTMLElement | null} */ (document.querySelector('#older button'));
if (first && !location.hash) {
  isSeeking = first === rows()[0] && older?.hidden === false;
  if (isSeeking) {
    seekPosition(mark ?? 0).then(() => {
      isSeeking = false;
      showDivider();
    });
  } else {
    showRow(first);
  }
}
if (isHere()) comeBack();
