// Where its reader left off: a line above the first message that came since. What was seen last is kept in the
// browser, for each room; the line goes when they write, and when they leave anew.

const room = document.body.dataset.room;
const SEEN = `millchat:seen:${room}`;
const LINE = words.text('new-line');

const scroller = document.getElementById('scroller');
const messages = document.getElementById('messages');
const outbox = document.getElementById('outbox');
/** @type {number | undefined} What had been seen when they left; nothing while they are here. */
let mark = Number(store.kept(SEEN)) || undefined;
/** What they had seen is further back than the page, and is on its way. */
let seeking = false;

const rows = () => /** @type {NodeListOf<Row>} */ (messages.querySelectorAll('.msg'));
const isFollowing = () => scroller.classList.contains('following');
const isHere = () => !document.hidden && isFollowing();
/** @param {Row} [row] */
const positionOf = (row) => Number(row?.dataset.position ?? 0);

function newest() {
  let row = messages.lastElementChild;
  while (row && !row.matches('.msg')) row = row.previousElementSibling;
  return positionOf(/** @type {Row | undefined} */ (row ?? undefined));
}

function see() {
  if (!isHere() || seeking) return;
  store.keep(SEEN, `${newest()}`);
}

function line() {
  return /** @type {Row | null} */ (messages.querySelector('[data-unread]'));
}

function clear() {
  line()?.removeAttribute('data-unread');
  mark = undefined;
}

// Where all that the page has is new the line is at its top, and goes up as older rows come in.
function place() {
  const since = mark;
  if (since === undefined) return;
  const row = [...rows()].find((row) => positionOf(row) > since);
  const stands = line();
  if (!row || row === stands || (!stands && row.classList.contains('mine'))) return;
  if (stands && positionOf(stands) < positionOf(row)) return;
  stands?.removeAttribute('data-unread');
  row.dataset.unread = LINE;
}

function leave() {
  if (line() && isFollowing()) clear();
  if (!line()) mark = newest();
}

// If it cannot be seen from the end. A tab that nobody looked at has not gone there yet.
function show() {
  const row = line();
  if (!row) return;
  const at = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  if (scroller.scrollHeight - at <= scroller.clientHeight) return;
  document.dispatchEvent(new CustomEvent('row-show', { detail: row }));
}

function comeBack() {
  if (!line() && !seeking) mark = undefined;
  see();
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return leave();
  // What came meanwhile begins above the view: it is read from there.
  if (isFollowing()) show();
  if (isHere()) comeBack();
});
new MutationObserver(() => {
  if (document.hidden) return;
  if (isHere()) comeBack();
  else if (mark === undefined) leave();
}).observe(scroller, { attributeFilter: ['class'] });
new MutationObserver(() => {
  place();
  see();
}).observe(messages, { childList: true });
new MutationObserver((records) => {
  if (records.some(({ addedNodes }) => addedNodes.length > 0)) clear();
}).observe(outbox, { childList: true });

document.addEventListener('sought', () => {
  if (!seeking) return;
  seeking = false;
  show();
});

place();
const first = line();
const older = /** @type {HTMLElement | null} */ (document.querySelector('#older button'));
if (first && !location.hash) {
  seeking = first === rows()[0] && older?.hidden === false;
  if (seeking) document.dispatchEvent(new CustomEvent('position-seek', { detail: mark }));
  else document.dispatchEvent(new CustomEvent('row-show', { detail: first }));
}
if (isHere()) comeBack();
