// Copies the room's address and says so.

const SAID_MS = 2_500;

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
  const word = button?.querySelector('.word');
  if (!button || !word || button.classList.contains('done')) return;
  const before = word.textContent;
  const address = (document.body.dataset.origin ?? location.origin) + location.pathname;
  try {
    await copy(address);
    word.textContent = words.text('link-copied');
  } catch {
    word.textContent = address;
  }
  button.classList.add('done');
  setTimeout(() => {
    word.textContent = before;
    button.classList.remove('done');
  }, SAID_MS);
});
