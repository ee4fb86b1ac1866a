// The reader's language: its messages. Rows and lines that are the same for
// everybody only name their messages (`data-l10n`); they are filled in here as soon as they are in the page.

import { catalogue } from './catalogue.js';
import { figureOf, pluralOf } from './intl.js';

/** Splits a message: its own text is at even places, the names of values at odd ones.
 *  @param {string} id @param {Values} values */
function split(id, values) {
  const text = catalogue[id] ?? id;
  const form = typeof text === 'string' ? text : (text[pluralOf(Number(values.count))] ?? text.other);
  return form.split(/\{([a-z-]+)\}/);
}

/** Puts a text into an isolate of its own direction, so that it does not turn the text around it.
 *  @param {string | null} text */
export function isolate(text) {
  return `\u2068${text}\u2069`;
}

/** @param {string | number} [value] */
const format = (value = '') => (typeof value === 'number' ? figureOf(value) : isolate(value));

/** Returns a message of the catalogue with these values. @param {string} id @param {Values} [values] */
export function localize(id, values = {}) {
  return split(id, values)
    .map((piece, at) => (at % 2 === 0 ? piece : format(values[piece])))
    .join('');
}

/** @param {HTMLElement} element */
function fill(element) {
  const values = /** @type {Values} */ (JSON.parse(element.dataset.l10nArgs ?? '{}'));
  // Of what its author took away the row does not say who did it.
  const by = element.parentElement?.dataset.by;
  const isOwn = by && element.closest('.msg')?.getAttribute('data-author-id') === by;
  const nodes = split(isOwn ? 'deleted' : (element.dataset.l10n ?? ''), values).map((piece, at) => {
    if (at % 2 === 0) return piece;
    const value = values[piece];
    if (typeof value === 'number') return figureOf(value);
    const isolated = document.createElement('bdi');
    isolated.textContent = value;
    return isolated;
  });
  element.replaceChildren(...nodes);
}

// A patch that finds its element in the page removes what was filled in, or changes the values.
new MutationObserver((records) => {
  for (const { type, target, addedNodes } of records) {
    for (const node of [target, ...addedNodes]) {
      if (!(node instanceof HTMLElement)) continue;
      if (node.dataset.l10n !== undefined && (type === 'attributes' || !node.hasChildNodes())) fill(node);
      if (node === target) continue;
      const inner = /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll('[data-l10n]:empty'));
      inner.forEach(fill);
    }
  }
}).observe(document, { childList: true, subtree: true, attributeFilter: ['data-l10n', 'data-l10n-args'] });
