// One's own name, in all tabs, and who is typing. A new name opens the stream again, so that the others see it.
// The line of those who type leaves its reader out.

import { authorId, isOwnId } from './author.js';
import { base, composer, composerForm, draftField, nameField, problem, typists } from './dom.js';
import { isolate, localize } from './i18n.js';
import { listOf } from './intl.js';
import { save } from './storage.js';
import { isShared, reopenStream } from './tabs.js';

const TYPING_EVERY_MS = 3_000;
const NAMED_MAX = 3;
/** The time at which a name was last chosen in this browser, for its other tabs. */
export const NAMED = 'millchat:named';

let announcedAt = 0;
/** The server has just answered to a name that was chosen in this tab. */
let isChosenHere = false;

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLTextAreaElement) || target.form?.dataset.editing) return;
  // Somebody without a name types for nobody yet.
  if (!authorId()) return;
  if (target.id !== 'draft' || target.value.trim() === '' || Date.now() - announcedAt < TYPING_EVERY_MS) return;
  announcedAt = Date.now();
  // A notice that is lost is not sent again.
  fetch(`${base}/typing`, { method: 'POST' }).catch(() => {});
});

// A message ends the typing that was announced; the next typing is announced at once.
document.addEventListener('submit', ({ target }) => {
  if (target === composerForm()) announcedAt = 0;
});

/** @param {string[]} names */
function line(names) {
  if (names.length === 0) return '';
  if (names.length > NAMED_MAX) return localize('typing-many');
  return localize('typing', { count: names.length, names: listOf(names) });
}

function showTypists() {
  const typing = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#typing > span'));
  const others = [...typing].filter(({ dataset }) => !isOwnId(dataset.authorId ?? ''));
  typists.textContent = line(others.map(({ textContent }) => isolate(textContent)));
}

// A patch may exchange the element itself, so its parent is observed.
new MutationObserver((records) => {
  if (records.some(({ target }) => target instanceof Element && !typists.contains(target))) showTypists();
}).observe(/** @type {Element} */ (typists.parentElement), {
  childList: true,
  subtree: true,
  attributeFilter: ['data-author-id'],
});

new MutationObserver(() => {
  // Of the tabs that share a connection, one has it opened again.
  if (isChosenHere || !isShared()) reopenStream('changed');
  if (!isChosenHere) return;
  save(NAMED, `${Date.now()}`);
  draftField()?.focus();
}).observe(composer, { attributeFilter: ['data-author-id', 'data-author-name'] });

// The name was chosen in another tab, or while the browser kept this page aside.
const refresh = () => composer.dispatchEvent(new CustomEvent('refresh'));
window.addEventListener('storage', ({ key }) => {
  if (key === NAMED) refresh();
});
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) refresh();
});

document.addEventListener('datastar-fetch', ({ detail: { type, el, argsRaw } }) => {
  if (el.id !== 'namer') return;
  if (type === 'started') problem.textContent = '';
  else if (type === 'retrying') problem.textContent = localize('name-waiting');
  else if (type === 'retries-failed') problem.textContent = localize('name-unanswered');
  else if (type === 'error') problem.textContent = localize('name-status', { status: argsRaw.status });
  else if (type.startsWith('datastar-patch-')) {
    problem.textContent = '';
    isChosenHere = true;
    // After the patch.
    setTimeout(() => (isChosenHere = false));
  }
});

// Escape closes what a button opened.
document.addEventListener('keydown', ({ key, target }) => {
  if (key !== 'Escape') return;
  if (target === nameField() && draftField()) {
    document.getElementById('rename')?.click();
    draftField()?.focus();
  } else if (document.querySelector('#people.open')) {
    document.getElementById('who')?.click();
  }
});

document.addEventListener('click', ({ target }) => {
  if (target !== document.getElementById('rename')) return;
  // After the form is shown.
  setTimeout(() => nameField()?.select());
});
