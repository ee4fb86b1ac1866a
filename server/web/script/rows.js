// The part of a row that depends on its reader: times in the reader's zone, the first row of a day, rows of
// one author together, one's own rows. The server's rows are the same for everybody.

import { composer, messages } from './dom.js';
import { localize } from './i18n.js';
import { clockOf, dayOf, momentOf } from './intl.js';
import { isMessage } from './message.js';

const GROUP_MS_MAX = 5 * 60_000;
// Keeps a name always in view.
const GROUP_ROWS_MAX = 10;

/** @param {Row} row */
function formatTime(row) {
  const time = row.querySelector('time');
  row.at = Date.parse(time?.dateTime ?? '');
  if (!time || Number.isNaN(row.at)) return;
  row.day = dayOf(row.at);
  row.name = row.querySelector('.who .name')?.textContent ?? '';
  time.textContent = clockOf(row.at);
  time.title = momentOf(row.at);
}

/** @param {Row} row */
function markOwn(row) {
  const { authorId = '', authorWas = '' } = composer.dataset;
  // Also what somebody wrote as a guest before they signed in.
  const own = [authorId, ...authorWas.split(' ')];
  row.classList.toggle('mine', row.dataset.authorId !== '' && own.includes(row.dataset.authorId ?? ''));
  row.querySelector('.tag')?.setAttribute('data-you', localize('you'));
}

/** @param {Row} row */
function messageBefore(row) {
  let before = row.previousElementSibling;
  while (before && !isMessage(before)) before = before.previousElementSibling;
  return before;
}

/** Puts a row into the group before it, or begins a group. Returns whether the row after it must be placed again.
 *  A line between two messages ends a group, but not a day. A row that begins a group keeps doing so, whatever
 *  arrives above it: the rows in view stay unchanged. @param {Row} row */
function place(row) {
  const before = messageBefore(row);
  const sameDay = before !== null && before.day === row.day;
  if (sameDay) row.removeAttribute('data-day');
  else if (row.day) row.dataset.day = row.day;
  if (row.head === row) return false;
  const adjoins = before === row.previousElementSibling;
  const isBeforesAuthor = before?.dataset.authorId === row.dataset.authorId && before?.name === row.name;
  const sameAuthor = sameDay && adjoins && row.dataset.authorId !== '' && isBeforesAuthor;
  const since = sameAuthor ? (row.at ?? NaN) - (before.head?.at ?? NaN) : NaN;
  const follows = since < GROUP_MS_MAX && (before?.nth ?? 0) < GROUP_ROWS_MAX;
  const head = follows && before?.head ? before.head : row;
  const nth = follows ? (before?.nth ?? 0) + 1 : 1;
  row.classList.toggle('cont', follows);
  const changed = row.head !== head || row.nth !== nth;
  row.head = head;
  row.nth = nth;
  return changed;
}

/** @param {Element | null} [row] */
function placeFrom(row) {
  for (let next = row ?? null; next; next = next.nextElementSibling) if (isMessage(next) && !place(next)) break;
}

/** @param {Iterable<Node>} rows */
function addRows(rows) {
  const added = [...rows].filter(isMessage);
  for (const row of added) {
    formatTime(row);
    markOwn(row);
  }
  for (const row of added) placeFrom(row);
  // The row after the added ones has a new neighbour.
  if (added.length > 0) placeFrom(added.at(-1)?.nextElementSibling);
}

addRows(messages.children);
new MutationObserver((records) => {
  addRows(records.flatMap(({ addedNodes }) => [...addedNodes]));
  placeFrom(messages.firstElementChild);
}).observe(messages, { childList: true });
new MutationObserver(() => {
  for (const row of messages.children) if (isMessage(row)) markOwn(row);
}).observe(composer, { attributeFilter: ['data-author-id', 'data-author-was'] });
