// Copies the room's address to the clipboard.

import { room } from './dom.js';
import { localize } from './i18n.js';

const SHOWN_MS = 2_500;

/** @param {string} text */
async function copy(text) {
  // The clipboard exists only on pages that came by TLS or from this machine.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'unseen';
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (!copied) throw new Error();
}

document.addEventListener('click', async ({ target }) => {
  const button = /** @type {Element} */ (target).closest('.share');
  const label = button?.querySelector('.word');
  if (!button || !label || button.classList.contains('done')) return;
  const before = label.textContent;
  const address = `${document.body.dataset.origin ?? location.origin}/${room}`;
  try {
    await copy(address);
    label.textContent = localize('link-copied');
  } catch {
    label.textContent = address;
  }
  button.classList.add('done');
  setTimeout(() => {
    label.textContent = before;
    button.classList.remove('done');
  }, SHOWN_MS);
});
