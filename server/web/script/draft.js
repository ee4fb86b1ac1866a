// The text in the field to write in. A draft outlives a reload, and all tabs of its room show it; the text of an
// edit that is under way (`data-editing` of the form) is no draft.
//
// A draft has an id from its first letter until it is sent. The key that it is sent under follows from the id and
// the text, so two tabs that send it at the same moment send one message.

import { isOwnId, keyOfAuthor, whenAuthor } from './author.js';
import { composer, draftField, problem, scroller } from './dom.js';
import { digest, newKey } from './key.js';
import { load, save } from './storage.js';

/** The keyboard of a phone has no other key for a new line, and there is a button. */
export const isTouchOnly = window.matchMedia?.('(hover: none) and (pointer: coarse)') ?? { matches: false };

/** The name under which the draft of this author is kept. */
let place = keyOfAuthor('draft');
let draft = parse(load(place));

/** @param {string} kept */
function parse(kept) {
  try {
    const { id, text } = JSON.parse(kept);
    if (typeof id === 'string' && typeof text === 'string') return { id, text };
  } catch {
    // An earlier release kept the text alone.
  }
  return { id: newKey(), text: kept };
}

/** @param {string} text */
function keep(text) {
  if (text === draft.text) return;
  draft = { id: draft.text === '' ? newKey() : draft.id, text };
  save(place, text && JSON.stringify(draft));
}

/** @param {HTMLTextAreaElement} field */
function fit(field) {
  if (window.CSS?.supports?.('field-sizing', 'content')) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}

/** Keeps the draft and fits the height of the field to it. @param {HTMLTextAreaElement} field */
function changed(field) {
  if (!field.form?.dataset.editing) keep(field.value);
  fit(field);
}

/** Returns the text of the draft, which the field does not show during an edit. */
export const draftText = () => draft.text;

/** Returns the key for sending the draft. @param {string} content @param {string} [replyTo] */
export function keyOf(content, replyTo = '') {
  return `${draft.text === '' ? newKey() : draft.id}-${digest(`${replyTo}\n${content}`)}`;
}

/** Moves the focus to the field, or to the list if there is none to write in. */
export function focusField() {
  const field = draftField();
  const isSeen = field !== null && field.getClientRects().length > 0;
  (isSeen && !isTouchOnly.matches ? field : scroller).focus({ preventScroll: true });
}

/** Gives the field another text, as if it had been typed. @param {string} text */
export function replaceText(text) {
  const field = draftField();
  if (!field) return;
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
  field.setSelectionRange(text.length, text.length);
}

/** Puts a text that was not sent above the one in the field. @param {string} text */
export function putBack(text) {
  const field = draftField();
  if (!field) return;
  field.value = field.value ? `${text}\n${field.value}` : text;
  changed(field);
  field.focus();
}

/** Leaves the draft to another room, for the author whom that has. @param {string} to the room */
export function leaveDraftTo(to) {
  if (!draft.text) return;
  save(`nobody:millchat:draft:${to}`, JSON.stringify(draft));
  save(place, '');
}

/** @param {HTMLTextAreaElement} field */
export function clear(field) {
  field.value = '';
  changed(field);
}

function restore() {
  const field = draftField();
  if (!field) return;
  if (isTouchOnly.matches) field.enterKeyHint = 'enter';
  if (field.value) return;
  field.value = draft.text;
  changed(field);
}

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLTextAreaElement) || target.id !== 'draft') return;
  problem.textContent = '';
  changed(target);
});

// Another tab has changed the draft, or sent it. A tab that was changed at the same moment keeps its own.
window.addEventListener('storage', ({ key, oldValue, newValue }) => {
  if (key !== place || parse(oldValue ?? '').text !== draft.text) return;
  draft = parse(newValue ?? '');
  showAgain();
});

function showAgain() {
  const field = draftField();
  if (!field || field.form?.dataset.editing || field.value === draft.text) return;
  field.value = draft.text;
  fit(field);
}

// What nobody wrote is of the author that they are now; the text of another author stays theirs.
whenAuthor((before) => {
  const now = keyOfAuthor('draft');
  if (now === place) return;
  const isOwn = !before || isOwnId(before);
  const written = isOwn ? draft.text : '';
  if (isOwn) save(place, '');
  place = now;
  const kept = parse(load(place));
  draft = { id: kept.text ? kept.id : draft.id, text: [kept.text, written].filter(Boolean).join('\n') };
  if (!written) draft = kept;
  else save(place, JSON.stringify(draft));
  showAgain();
});

// Kept in today's form, so that all tabs know one id.
if (draft.text) save(place, JSON.stringify(draft));
restore();
// The keys that send the text need this module also where the browser, or an extension, has taken observers away.
if (window.MutationObserver) new MutationObserver(restore).observe(composer, { childList: true });
