// New messages of other people, for those who listen to a screen reader. The list itself is silent: rows that
// are fetched while one scrolls, edits and reactions would be read out too.

import { announcer, messages } from './dom.js';
import { localize } from './i18n.js';
import { isMessage } from './message.js';
import { isSeen } from './seen.js';
import './rows.js';

// More than these at once are counted.
const READ_MAX = 3;
const TEXT_CHARS_MAX = 300;
const KEPT_MS = 3_000;

/** @type {number | undefined} */
let timer;

/** @param {Row} row */
function said(row) {
  const name = row.querySelector('.who .name')?.textContent ?? '';
  const text = (row.querySelector('.text')?.textContent ?? '').slice(0, TEXT_CHARS_MAX);
  return name ? localize('said', { name, text }) : text;
}

/** Has a screen reader say it. @param {string} text */
export function say(text) {
  const line = document.createElement('p');
  line.textContent = text;
  announcer.append(line);
  clearTimeout(timer);
  timer = setTimeout(clear, KEPT_MS);
}

// What was read out must not stay in the page when its message is deleted.
function clear() {
  clearTimeout(timer);
  announcer.replaceChildren();
}

new MutationObserver((records) => {
  if (!isSeen()) return;
  const atEnd = records.filter((record) => record.nextSibling === null);
  const added = atEnd.flatMap(({ addedNodes }) => [...addedNodes]).filter(isMessage);
  const others = added.filter((row) => row.isConnected && !row.classList.contains('mine'));
  if (others.length === 0) return;
  if (others.length > READ_MAX) say(localize('new-messages', { count: others.length }));
  else for (const row of others) say(said(row));
}).observe(messages, { childList: true });

document.addEventListener('datastar-fetch', ({ detail: { type, argsRaw } }) => {
  if (type === 'datastar-patch-elements' && (argsRaw.target || argsRaw.mode === 'inner')) clear();
});
