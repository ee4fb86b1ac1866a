// The text in the field to write in. A draft outlives a reload; the text of an edit that is under way
// (`data-editing` of the form) is no draft.

import { composer, draftField, problem, room } from './dom.js';
import { load, save } from './storage.js';

const DRAFT = `millchat:draft:${room}`;
/** The keyboard of a phone has no other key for a new line, and there is a button. */
export const isTouchOnly = matchMedia('(hover: none) and (pointer: coarse)');

/** Keeps the draft and fits the height of the field to it. @param {HTMLTextAreaElement} field */
function changed(field) {
  if (!field.form?.dataset.editing) save(DRAFT, field.value);
  if (CSS.supports('field-sizing', 'content')) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
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
  field.value = load(DRAFT);
  changed(field);
}

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLTextAreaElement) || target.id !== 'draft') return;
  problem.textContent = '';
  changed(target);
});

restore();
new MutationObserver(restore).observe(composer, { childList: true });
