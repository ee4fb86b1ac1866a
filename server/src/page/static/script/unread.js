// Where its reader left off: a line above the first message that came since. What was seen last is kept in the
// browser, for each room; the line goes when they write, and when they leave anew.

const room = document.body.dataset.room;
const SEEN = `millchat:seen:${room}`;
const LINE = words.text('new-line');

const scroller = document.getElementById('scroller');
const messages = document.getElementById('messages');
const outbox = document.getElementById('outbox');
/** @type {number | undefined} What had been seen when they left; nothing while they are here. */
let mark = Number(stored()) || undefined;

function stored() {
  try {
    return localStorage.getItem(SEEN);
  } catch {
    return null;
  }
}

const rows = () => /** @type {NodeListOf<Row>} */ (messages.querySelectorAll('.msg'));
const isHere = () => !document.hidden && scroller.classList.contains('following');
/** @param {Row} [row] */
const positionOf = (row) => Number(row?.dataset.position ?? 0);

function newest() {
  let row = messages.lastElementChild;
  while (row && !row.matches('.msg')) row = row.previousElementSibling;
  return positionOf(/** @type {Row | undefined} */ (row ?? undefined));
}

function see() {
  if (!isHere()) return;
  try {
    localStorage.setItem(SEEN, `${newest()}`);
  } catch {
    // A browser that keeps nothing shows no line after a reload.
  }
}

function line() {
  return /** @type {Row | null} */ (messages.querySelector('[data-unread]'));
}

function clear() {
  line()?.removeAttribute('data-unread');
  mark = undefined;
}

// The line stands only where the message before it is known to have been seen.
function place() {
  const since = mark;
  if (since === undefined || line()) return;
  const all = [...rows()];
  const first = all.findIndex((row) => positionOf(row) > since);
  if (first < 1 || all[first].classList.contains('mine')) return;
  all[first].dataset.unread = LINE;
}

function leave() {
  if (line() && isHere()) clear();
  if (!line()) mark = newest();
}

function comeBack() {
  if (!line()) mark = undefined;
  see();
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) leave();
  else if (isHere()) comeBack();
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

place();
const first = line();
if (first && !location.hash) document.dispatchEvent(new CustomEvent('row-show', { detail: first }));
see();
