// Back, after one followed a quote or the link of a message, returns to the place where one was: it is kept
// with the entry of the browser's history.

import { messages, scroller } from './dom.js';
import { follow, isFollowing, showRowAt } from './follow.js';
import { seekPosition, showLinked } from './history.js';
import { isMessage, positionOf, rowOf } from './message.js';

/** The first row in view, and its distance from the top; nothing at the end of the list. */
function view() {
  if (isFollowing()) return {};
  const { top } = scroller.getBoundingClientRect();
  const row = [...messages.children].find((row) => isMessage(row) && row.getBoundingClientRect().bottom > top);
  return row ? { position: positionOf(row), below: row.getBoundingClientRect().top - top } : {};
}

document.addEventListener('click', (event) => {
  const { target } = event;
  const link = target instanceof Element ? target.closest('a') : null;
  if (!link || !/^#m-\d+$/.test(link.getAttribute('href') ?? '') || event.defaultPrevented) return;
  if (event.button !== 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const row = rowOf(link);
  const from = row ? positionOf(row) : undefined;
  history.replaceState({ ...history.state, left: { ...view(), from } }, '');
  history.pushState(null, '', link.hash);
  showLinked();
});

/** @param {{ position?: number, below?: number, from?: number }} left */
async function goBack({ position, below = 0, from }) {
  for (const aimed of messages.querySelectorAll('.aimed')) aimed.classList.remove('aimed');
  if (position === undefined) {
    follow();
  } else {
    const find = () => /** @type {Row[]} */ ([...messages.children]).find((row) => positionOf(row) >= position);
    // The rows may have been taken from a very long list.
    if (positionOf(messages.querySelector('[data-position]')) > position) await seekPosition(position);
    const row = find();
    if (row) showRowAt(row, below);
  }
  const active = document.activeElement;
  if (active !== document.body && !messages.contains(active)) return;
  const quote = document.querySelector(`#m-${from} .quote`) ?? document.querySelector(`#m-${from} .at`);
  /** @type {HTMLElement | null} */ (quote)?.focus({ preventScroll: true });
}

window.addEventListener('popstate', ({ state }) => {
  if (state?.left) goBack(state.left);
});
