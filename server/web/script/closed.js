// A room that is closed to writing has no field: the text that was in it stays in view, to be read and copied,
// and the focus goes where something can be seen. It goes back when the room is opened again.

import { composer, draftField, keptDraft, nameField, scroller } from './dom.js';
import './draft.js';

/** The element that the focus was moved to. @type {HTMLElement | undefined} */
let refuge;

function show() {
  const isClosed = document.body.classList.contains('closed');
  const field = draftField();
  const text = isClosed ? (field?.value ?? '') : '';
  const isInRefuge = refuge !== undefined && refuge === document.activeElement;
  /** @type {HTMLElement} */ (keptDraft.querySelector('.text')).textContent = text;
  keptDraft.hidden = text.trim() === '';
  if (!isClosed) {
    // Only if the reader has not gone elsewhere.
    if (isInRefuge) (field ?? nameField())?.focus();
    refuge = undefined;
  } else if (composer.contains(document.activeElement)) {
    refuge = keptDraft.hidden ? scroller : keptDraft;
    refuge.focus({ preventScroll: true });
  }
}

show();
new MutationObserver(show).observe(document.body, { attributeFilter: ['class'] });
