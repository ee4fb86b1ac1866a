// Messages by their rows in the list.

/** @param {Node | null | undefined} node @returns {node is Row} */
export const isMessage = (node) => node instanceof HTMLElement && node.classList.contains('msg');

/** Returns the position, or NaN for no row. @param {Element | null} [row] */
export const positionOf = (row) => Number(/** @type {HTMLElement | null | undefined} */ (row)?.dataset.position);

/** Returns the row that an event is about. @param {Element} target */
export const rowOf = (target) => /** @type {Row | null} */ (target.closest('.msg'));

/** Returns the text as it was typed. An element that shows another text holds the typed one; otherwise it is
 *  the shown text without the mark of an edit and the space before the mark.
 *  @param {Element | null | undefined} element */
export function typedText(element) {
  const text = /** @type {HTMLElement | undefined} */ (element?.cloneNode(true));
  if (text?.dataset.source !== undefined) return text.dataset.source;
  const mark = text?.querySelector('.edited');
  mark?.remove();
  return (text?.textContent ?? '').slice(0, mark ? -1 : undefined);
}
