// The keys and the submit of the field to write in: Enter sends, where there is a keyboard, and what is typed
// beside the field goes into it. A text becomes a message on its way, or the new text of the message that is
// edited (`data-editing` of the form).

import { draftField, nameField, problem, scroller, stream } from './dom.js';
import { clear, isTouchOnly, keyOf } from './draft.js';
import { saveEdit } from './edit.js';
import { localize } from './i18n.js';
import { send } from './outbox.js';
import { endReply } from './reply.js';

document.addEventListener('keydown', (event) => {
  const { target } = event;
  if (!(target instanceof HTMLTextAreaElement) || target.id !== 'draft' || event.key !== 'Enter') return;
  if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey || isTouchOnly.matches) return;
  // Enter that ends a composition chooses a word; Safari shows this only by the key code.
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  target.form?.requestSubmit();
});

document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  const field = draftField();
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const isNowhere = target === document.body || target === scroller;
  if (isNowhere && key.length === 1 && key !== ' ') field?.focus();
  if (key !== 'PageUp' && key !== 'PageDown') return;
  if (target !== document.body && (target !== field || field?.value !== '')) return;
  event.preventDefault();
  scroller.scrollBy(0, (key === 'PageUp' ? -0.9 : 0.9) * scroller.clientHeight);
});

document.querySelector('.skip')?.addEventListener('click', (event) => {
  const field = draftField() ?? nameField();
  if (!field) return;
  event.preventDefault();
  field.focus();
});

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const field = draftField();
  if (form.id !== 'writer' || !field) return;
  // Without the client nothing would come live: the browser sends the form, and gets the page again.
  if (!stream.dataset.place) return leave(field);
  event.preventDefault();
  try {
    take(form, field);
  } catch (error) {
    window.reportError?.(error);
    if (form.dataset.editing) return;
    form.submit();
    leave(field);
  }
});

/** Forgets the draft once the browser has it. @param {HTMLTextAreaElement} field */
function leave(field) {
  setTimeout(clear, 0, field);
}

/** @param {HTMLFormElement} form @param {HTMLTextAreaElement} field */
function take(form, field) {
  const content = field.value;
  const bytes = new TextEncoder().encode(content).length;
  const limit = Number(form.dataset.contentBytesMax);
  if (bytes > limit) {
    problem.textContent = localize('not-sent', { why: localize('message-too-long', { bytes, limit }) });
    return;
  }
  if (form.dataset.editing) {
    saveEdit(content);
    return;
  }
  if (content.trim() === '') return;
  send(content, keyOf(content, form.dataset.replyTo), form.dataset.replyTo);
  clear(field);
  endReply();
  problem.textContent = '';
}
