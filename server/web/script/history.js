// The past: older rows come in as one scrolls towards them, a link to a message leads to it however far back it
// is, and of a very long list only what is near stays in the page. Where rows are far apart there is a hole,
// which is filled as one comes near it.

const NEAR_PX = 800;
const ROWS_MAX = 500;
const ROWS_SLACK = 100;
const NEWEST_KEPT = 100;

const scroller = document.getElementById('scroller');
const messages = document.getElementById('messages');
const problem = document.getElementById('problem');
const seeker = document.getElementById('seeker');
// The client has read the page once it opens the stream.
const ready = new Promise((resolve) => document.addEventListener('datastar-fetch', resolve, { once: true }));
let asking = false;
let came = false;
let looking = false;
let seeking = false;

const olderButton = () => /** @type {HTMLElement | null} */ (document.querySelector('#older button'));
/** @param {Element} [row] */
const positionOf = (row) => Number(/** @type {HTMLElement | undefined} */ (row)?.dataset.position);

/** @param {Element} hole @param {boolean} upwards */
function fill(hole, upwards) {
  asking = true;
  hole.dispatchEvent(new CustomEvent('fill', { detail: upwards }));
}

// Asks for what is missing near the view, one thing at a time, and again when something came, since that may be a
// line alone.
function look() {
  looking = false;
  if (asking) return;
  came = false;
  const view = scroller.getBoundingClientRect();
  for (const hole of messages.querySelectorAll('.hole')) {
    const { top, bottom } = hole.getBoundingClientRect();
    if (bottom < view.top - NEAR_PX || top > view.bottom + NEAR_PX) continue;
    fill(hole, bottom < (view.top + view.bottom) / 2);
    return;
  }
  const button = olderButton();
  if (!button || button.hidden || button.getBoundingClientRect().bottom < view.top - NEAR_PX) return;
  asking = true;
  button.click();
}

// After the next frame, when rows that came in above have not moved the view any more.
function lookSoon() {
  if (looking) return;
  looking = true;
  ready.then(() => requestAnimationFrame(() => setTimeout(look)));
}

scroller.addEventListener('scroll', lookSoon);
new MutationObserver(() => {
  came = true;
  lookSoon();
}).observe(messages, { childList: true });
messages.addEventListener('click', ({ target }) => {
  const hole = /** @type {HTMLElement} */ (target).closest('.hole');
  if (hole && !asking) fill(hole, true);
});
document.addEventListener('datastar-fetch', ({ detail: { type, el } }) => {
  const hole = el.classList.contains('hole');
  if (el !== seeker && el !== olderButton() && !hole) return;
  asking = type !== 'finished';
  if (asking) return;
  if (el === seeker) arrive();
  if (came) lookSoon();
});

/** The position in the page's address. */
function aim() {
  const [, at] = /^#m-(\d+)$/.exec(location.hash) ?? [];
  return at === undefined ? undefined : Number(at);
}

/** @param {Row} row */
function show(row) {
  for (const aimed of messages.querySelectorAll('.aimed')) aimed.classList.remove('aimed');
  row.classList.add('aimed');
  // By keyboard one goes on from there.
  if (document.activeElement?.matches('.quote')) {
    /** @type {HTMLElement | null} */ (row.querySelector('.at'))?.focus({ preventScroll: true });
  }
  document.dispatchEvent(new CustomEvent('row-show', { detail: row }));
}

// What the link names can be gone: then the row before it is shown.
function arrive() {
  seeking = false;
  document.dispatchEvent(new CustomEvent('sought'));
  const at = aim();
  if (at === undefined) return;
  const rows = [...messages.children].filter((row) => positionOf(row) <= at);
  const row = /** @type {Row | undefined} */ (rows.at(-1) ?? messages.firstElementChild ?? undefined);
  if (row) show(row);
  if (!row || positionOf(row) !== at) problem.textContent = words.text('link-gone');
}

/** @param {number} at @param {number} before */
async function seek(at, before) {
  await ready;
  seeking = true;
  seeker.dispatchEvent(new CustomEvent('seek', { detail: { at, before } }));
}

const oldest = () => positionOf(messages.querySelector('[data-position]') ?? undefined);

function go() {
  const at = aim();
  if (at === undefined) return;
  const before = oldest();
  const holes = /** @type {NodeListOf<HTMLElement>} */ (messages.querySelectorAll('.hole'));
  const isIn = [...holes].some(({ dataset }) => Number(dataset.after) < at && at < Number(dataset.before));
  if (isIn) location.reload();
  else if (at < before && !olderButton()?.hidden) seek(at, before);
  else arrive();
}

window.addEventListener('hashchange', go);
document.addEventListener('position-seek', ({ detail: at }) => seek(at, oldest()));

function offerOlder() {
  olderButton()?.removeAttribute('hidden');
  document.querySelector('#older p')?.setAttribute('hidden', '');
}

/** @param {Element[]} rows rows in the middle of the list */
function dig(rows) {
  const after = rows[0].previousElementSibling;
  const before = /** @type {Element} */ (rows.at(-1)).nextElementSibling;
  if (!after || !before || !(positionOf(after) < positionOf(before))) return;
  const hole = /** @type {HTMLElement} */ (document.importNode(document.getElementById('hole').content, true).firstElementChild);
  hole.dataset.after = `${positionOf(after)}`;
  hole.dataset.before = `${positionOf(before)}`;
  after.after(hole);
  for (const row of rows) row.remove();
}

// A page left open for days keeps its newest rows, one scrolled far up those around the view and the newest.
function trim() {
  // What is sought would be far from the view until it is shown.
  if (seeking || messages.children.length <= ROWS_MAX + ROWS_SLACK) return;
  const rows = [...messages.children];
  const { top } = scroller.getBoundingClientRect();
  const following = scroller.classList.contains('following');
  const seen = following ? rows.length : rows.findIndex((row) => row.getBoundingClientRect().bottom > top);
  const height = scroller.scrollHeight;
  const above = rows.slice(0, Math.max(0, following ? rows.length - ROWS_MAX : seen - ROWS_MAX / 2));
  // A list begins with the head of a group: were it to go, all the groups below would be formed anew.
  while (above.length > 0 && rows[above.length]?.matches('.hole, .cont')) above.push(rows[above.length]);
  for (const row of above) row.remove();
  if (above.length > 0) {
    offerOlder();
    if (!following) scroller.scrollTop -= height - scroller.scrollHeight;
  }
  const below = rows.slice(seen + ROWS_MAX / 2, -NEWEST_KEPT);
  if (!following && below.length > ROWS_SLACK) dig(below);
}

new MutationObserver(trim).observe(messages, { childList: true });

go();
