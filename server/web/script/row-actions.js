// The actions of a message: their buttons are in the row that is pointed at, or that has the focus. A
// finger's tap brings them after it ended, so that it presses none of them. `reply`, `react` and `edit` do
// what the buttons say.

import { cloneTemplate, draftField, messages } from './dom.js';

const actions = cloneTemplate('tools');

let isTapping = false;

/** @param {Event} event */
function offer({ target }) {
  const row = target instanceof Element ? target.closest('.msg:not(:has(> .body > .deleted))') : null;
  if (row && draftField()) {
    if (actions.parentElement !== row) row.append(actions);
  } else if (!actions.contains(document.activeElement)) {
    actions.remove();
  }
}

messages.addEventListener('pointerover', (event) => {
  if (event.pointerType !== 'touch') offer(event);
});
messages.addEventListener('pointerleave', () => {
  if (!actions.contains(document.activeElement)) actions.remove();
});
document.addEventListener('pointerdown', ({ pointerType }) => {
  isTapping = pointerType === 'touch';
});
document.addEventListener('keydown', () => {
  isTapping = false;
});
messages.addEventListener('click', (event) => {
  if (isTapping) offer(event);
});
messages.addEventListener('focusin', (event) => {
  if (!isTapping) offer(event);
});
new MutationObserver(() => {
  if (actions.parentElement?.querySelector('.deleted')) actions.remove();
}).observe(messages, { childList: true, subtree: true });
