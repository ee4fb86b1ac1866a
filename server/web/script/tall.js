// Tall texts, of which the beginning is shown: a checkbox below each, which needs no script, shows all of it.
// A search in the page, or the focus, that leads to a part that is cut off shows all too.

import { messages, scroller } from './dom.js';
import { stay } from './follow.js';

/** @param {Element | null} tall */
const box = (tall) => /** @type {HTMLInputElement | null | undefined} */ (tall?.querySelector('.whole > input'));

// The browser scrolls within the part that is shown, which nobody else can do.
messages.addEventListener(
  'scroll',
  ({ target }) => {
    if (!(target instanceof Element) || !target.matches('.tall > .text') || target.scrollTop === 0) return;
    const checkbox = box(target.parentElement);
    if (!checkbox || checkbox.checked) return;
    const { top } = target.getBoundingClientRect();
    const at = target.scrollTop - top;
    checkbox.checked = true;
    // What was found stays where it is.
    scroller.scrollTop += at + target.getBoundingClientRect().top;
    stay();
  },
  { capture: true },
);

messages.addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  // The text went away above the view.
  if (!target.checked) target.closest('.msg')?.scrollIntoView({ block: 'nearest' });
  stay();
});
