// Says for a moment who joined and who left, in the line of those who type. The server sends what changes in
// a second as one list; a crowd, of which the list names only a part, is counted in the header and no more.

import { composer, joins, people } from './dom.js';
import { isolate, localize } from './i18n.js';
import { listOf } from './intl.js';

const SHOWN_MS = 4_000;
// A reader who reloads the page, or has a bad connection, has not left.
const LEFT_AFTER_MS = 5_000;
const NAMED_MAX = 3;

/** Timers by id: readers who are missing, until it is said that they left. @type {Map<string, number>} */
const missing = new Map();
/** The names of those who are here, by id. @type {Map<string, string>} */
let present = read();
/** @type {number | undefined} */
let timer;

/** @returns {Map<string, string>} */
function read() {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (people.querySelectorAll('#presence [data-author-id]'));
  const named = [...rows].map((row) => [row.dataset.authorId ?? '', row.querySelector('.name')?.textContent ?? '']);
  return new Map(/** @type {[string, string][]} */ (named));
}

const isCrowd = () => people.querySelector('#presence > ul ~ p') !== null && present.size > 0;

/** @param {'joined' | 'left'} id of the message @param {string[]} names */
function say(id, names) {
  if (names.length === 0 || names.length > NAMED_MAX) return;
  clearTimeout(timer);
  const isolated = names.map(isolate);
  joins.textContent = localize(id, { count: names.length, names: listOf(isolated) });
  timer = setTimeout(() => (joins.textContent = ''), SHOWN_MS);
}

/** @param {string} id @param {string} name */
function miss(id, name) {
  if (missing.has(id)) return;
  const leave = () => {
    missing.delete(id);
    if (!present.has(id)) say('left', [name]);
  };
  missing.set(id, setTimeout(leave, LEFT_AFTER_MS));
}

function update() {
  const before = present;
  present = read();
  if (isCrowd()) return;
  const me = composer.dataset.authorId;
  for (const [id, name] of before) if (!present.has(id) && id !== me) miss(id, name);
  const joined = [...present].filter(([id]) => !before.has(id) && !missing.has(id) && id !== me);
  for (const id of present.keys()) {
    clearTimeout(missing.get(id));
    missing.delete(id);
  }
  say('joined', joined.map(([, name]) => name));
}

new MutationObserver(update).observe(people, { childList: true, subtree: true });
