// Patches whose target is not in the page: the edit of an old message, a row that is there already. The client would
// warn of each in the browser's console, so it gets one that changes nothing instead; the elements are kept for the
// other modules, as `missed`.

import './tabs.js';

const NOTHING = { selector: 'head', mode: 'append', elements: '' };

/** @param {Record<string, string>} patch */
function isMissed({ selector, elements }) {
  if (selector) return document.querySelector(selector) === null;
  // Each element takes the place of the one with its id.
  const { body } = new DOMParser().parseFromString(elements, 'text/html');
  return [...body.children].every(({ id }) => document.getElementById(id) === null);
}

// The window hears of a patch before the document, where the client applies it.
window.addEventListener(
  'datastar-fetch',
  ({ detail: { type, argsRaw } }) => {
    if (type !== 'datastar-patch-elements' || !isMissed(argsRaw)) return;
    Object.assign(argsRaw, { missed: argsRaw.elements ?? '', ...NOTHING });
  },
  { capture: true },
);
