// Older messages: they are fetched as the reader scrolls towards them, a link to a message leads to it
// however old it is, and of a very long list only what is near the view stays in the page. Where rows are far
// apart there is a hole, which is filled when the view comes near it.

import { cloneTemplate, filler, messages, problem, scroller, seeker } from './dom.js';
import { isFollowing, showRow } from './follow.js';
import { localize } from './i18n.js';
import { positionOf } from './message.js';

const NEAR_PX = 800;
const ROWS_MAX = 500;
const ROWS_SLACK = 100;
const NEWEST_KEPT = 100;

// Datastar has read the page once the stream is opened.
const ready = new Promise((resolve) => document.addEventListener('datastar-fetch', resolve, { once: true }));
let isFetching = false;
let hasArrived = false;
let isLookPlanned = false;
let isSeeking = false;
/** Called when the search for a position has ended. @type {(() => void)[]} */
const waiting = [];

/** @returns {NodeListOf<HTMLElement>} */
const holes = () => messages.querySelectorAll('.hole');
const olderButton = () => /** @type {HTMLElement | null} */ (document.querySelector('#older button'));

/** @param {HTMLElement} hole @param {boolean} upwards */
function fill({ dataset: { after, before } }, upwards) {
  isFetching = true;
  filler.dispatchEvent(new CustomEvent('fill', { detail: { after, before, upwards } }));
}

// Fetches what is missing near the view, one thing at a time, and looks again when something arrived, since
// that may be a single line.
function fetchNear() {
  isLookPlanned = false;
  if (isFetching) return;
  hasArrived = false;
  const view = scroller.getBoundingClientRect();
  for (const hole of holes()) {
    const { top, bottom } = hole.getBoundingClientRect();
    if (bottom < view.top - NEAR_PX || top > view.bottom + NEAR_PX) continue;
    fill(hole, bottom < (view.top + view.bottom) / 2);
    return;
  }
  const button = olderButton();
  if (!button || button.hidden || button.getBoundingClientRect().bottom < view.top - NEAR_PX) return;
  isFetching = true;
  button.click();
}

// After the next frame, when rows that arrived above have stopped moving the view.
function planLook() {
  if (isLookPlanned) return;
  isLookPlanned = true;
  ready.then(() => requestAnimationFrame(() => setTimeout(fetchNear)));
}

scroller.addEventListener('scroll', planLook);
new MutationObserver(() => {
  hasArrived = true;
  planLook();
}).observe(messages, { childList: true });
messages.addEventListener('click', ({ target }) => {
  const hole = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest('.hole'));
  if (hole && !isFetching) fill(hole, true);
});
document.addEventListener('datastar-fetch', ({ detail: { type, el } }) => {
  if (el !== seeker && el !== filler && el !== olderButton()) return;
  isFetching = type !== 'finished';
  if (isFetching) return;
  if (el === seeker) arrive();
  if (hasArrived) planLook();
});

/** Returns the position in the page's address. */
function linkedPosition() {
  const [, at] = /^#m-(\d+)$/.exec(location.hash) ?? [];
  return at === undefined ? undefined : Number(at);
}

/** @param {Row} row */
function show(row) {
  for (const aimed of messages.querySelectorAll('.aimed')) aimed.classList.remove('aimed');
  row.classList.add('aimed');
  // The keyboard goes on from there.
  if (document.activeElement?.matches('.quote')) {
    /** @type {HTMLElement | null} */ (row.querySelector('.at'))?.focus({ preventScroll: true });
  }
  showRow(row);
}

// The message that the link names can be gone: then the row before it is shown.
function arrive() {
  isSeeking = false;
  for (const done of waiting.splice(0)) done();
  const at = linkedPosition();
  if (at === undefined) return;
  const rows = [...messages.children].filter((row) => positionOf(row) <= at);
  const row = /** @type {Row | undefined} */ (rows.at(-1) ?? messages.firstElementChild ?? undefined);
  if (row) show(row);
  if (!row || positionOf(row) !== at) problem.textContent = localize('link-gone');
}

/** Fetches the rows around a position. @param {number} at @param {number} before */
async function seek(at, before) {
  await ready;
  isSeeking = true;
  seeker.dispatchEvent(new CustomEvent('seek', { detail: { at, before } }));
}

const oldest = () => positionOf(messages.querySelector('[data-position]'));

/** Shows the message that the page's address names. */
export function showLinked() {
  const at = linkedPosition();
  if (at === undefined) return;
  const before = oldest();
  const isIn = [...holes()].some(({ dataset }) => Number(dataset.after) < at && at < Number(dataset.before));
  if (isIn) location.reload();
  else if (at < before && !olderButton()?.hidden) seek(at, before);
  else arrive();
}

window.addEventListener('hashchange', () => {
  // The reader went back to a place (`back`).
  if (!history.state?.left) showLinked();
});

/** Brings the rows around a position into the page; resolves when they are there, or cannot be.
 *  @param {number} at @returns {Promise<void>} */
export function seekPosition(at) {
  seek(at, oldest());
  return new Promise((resolve) => waiting.push(resolve));
}

function offerOlder() {
  olderButton()?.removeAttribute('hidden');
  document.querySelector('#older p')?.setAttribute('hidden', '');
}

/** @param {Element[]} rows rows in the middle of the list */
function makeHole(rows) {
  const after = rows[0].previousElementSibling;
  const before = /** @type {Element} */ (rows.at(-1)).nextElementSibling;
  if (!after || !before || !(positionOf(after) < positionOf(before))) return;
  const hole = cloneTemplate('hole');
  hole.dataset.after = `${positionOf(after)}`;
  hole.dataset.before = `${positionOf(before)}`;
  after.after(hole);
  for (const row of rows) row.remove();
}

// A page that is left open for days keeps its newest rows; one that is scrolled far up, those around the view
// and the newest.
function trim() {
  // Rows that were sought are far from the view until they are shown.
  if (isSeeking || messages.children.length <= ROWS_MAX + ROWS_SLACK) return;
  const rows = [...messages.children];
  const { top } = scroller.getBoundingClientRect();
  const following = isFollowing();
  const seen = following ? rows.length : rows.findIndex((row) => row.getBoundingClientRect().bottom > top);
  const height = scroller.scrollHeight;
  const above = rows.slice(0, Math.max(0, following ? rows.length - ROWS_MAX : seen - ROWS_MAX / 2));
  // A list begins with the head of a group: without it, all groups below would be formed again.
  while (above.length > 0 && rows[above.length]?.matches('.hole, .cont')) above.push(rows[above.length]);
  for (const row of above) row.remove();
  if (above.length > 0) {
    offerOlder();
    if (!following) scroller.scrollTop -= height - scroller.scrollHeight;
  }
  const below = rows.slice(seen + ROWS_MAX / 2, -NEWEST_KEPT);
  if (!following && below.length > ROWS_SLACK) makeHole(below);
}

new MutationObserver(trim).observe(messages, { childList: true });

showLinked();
