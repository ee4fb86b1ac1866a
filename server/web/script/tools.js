// What one can do with a message: its tools stand in the row that is pointed at, or that holds the focus. A finger's tap
// brings them once it is over, so that it presses none of them. What they do is the part of others (`reply`, `react`,
// `change`).

const messages = document.getElementById('messages');
const tools = /** @type {HTMLElement} */ (document.importNode(document.getElementById('tools').content, true).firstElementChild);

let tapping = false;

/** @param {Event} event */
function offer({ target }) {
  const row = target instanceof Element ? target.closest('.msg:not(:has(> .body > .deleted))') : null;
  if (row && document.getElementById('draft')) {
    if (tools.parentElement !== row) row.append(tools);
  } else if (!tools.contains(document.activeElement)) {
    tools.remove();
  }
}

messages.addEventListener('pointerover', (event) => {
  if (event.pointerType !== 'touch') offer(event);
});
messages.addEventListener('pointerleave', () => {
  if (!tools.contains(document.activeElement)) tools.remove();
});
document.addEventListener('pointerdown', ({ pointerType }) => {
  tapping = pointerType === 'touch';
});
document.addEventListener('keydown', () => {
  tapping = false;
});
messages.addEventListener('click', (event) => {
  if (tapping) offer(event);
});
messages.addEventListener('focusin', (event) => {
  if (!tapping) offer(event);
});
new MutationObserver(() => {
  if (tools.parentElement?.querySelector('.deleted')) tools.remove();
}).observe(messages, { childList: true, subtree: true });
