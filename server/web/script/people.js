// One's own name and the others' typing. A new name opens the stream anew, so that it is the one that the
// others see here. The typing line leaves its reader out.

const TYPING_EVERY_MS = 3_000;
const NAMED_MAX = 3;

const room = document.body.dataset.room;
const composer = document.getElementById('composer');
const listed = new Intl.ListFormat(words.locale);
const problem = document.getElementById('problem');
const typists = document.getElementById('typists');
let saidAt = 0;

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLTextAreaElement) || target.form?.dataset.editing) return;
  if (target.id !== 'draft' || target.value.trim() === '' || Date.now() - saidAt < TYPING_EVERY_MS) return;
  saidAt = Date.now();
  // It is worth a try and no more.
  fetch(`/${room}/typing`, { method: 'POST' }).catch(() => {});
});

// The message itself ended the typing that was said; what comes next is said at once.
document.addEventListener('submit', ({ target }) => {
  if (target === document.getElementById('writer')) saidAt = 0;
});

/** @param {string[]} names */
function line(names) {
  if (names.length === 0) return '';
  if (names.length > NAMED_MAX) return words.text('typing-many');
  return words.text('typing', { count: names.length, names: listed.format(names) });
}

function showTypists() {
  const typing = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#typing > span'));
  const others = [...typing].filter(
    ({ dataset }) => dataset.authorId !== composer.dataset.authorId,
  );
  // Each name in an isolate of its own direction, so that one turns neither the others nor the sentence.
  typists.textContent = line(others.map(({ textContent }) => `\u2068${textContent}\u2069`));
}

// The element itself may be exchanged by a patch, so its parent is watched.
new MutationObserver((records) => {
  if (records.some(({ target }) => target instanceof Element && !typists.contains(target))) showTypists();
}).observe(/** @type {Element} */ (typists.parentElement), { childList: true, subtree: true, attributeFilter: ['data-author-id'] });

new MutationObserver(() => {
  document.getElementById('stream').dispatchEvent(new CustomEvent('reopen', { detail: 'changed' }));
  document.getElementById('draft')?.focus();
}).observe(composer, { attributeFilter: ['data-author-id', 'data-author-name'] });

document.addEventListener('datastar-fetch', ({ detail: { type, el, argsRaw } }) => {
  if (el.id !== 'namer') return;
  if (type === 'started') problem.textContent = '';
  else if (type === 'retrying') problem.textContent = words.text('name-waiting');
  else if (type === 'retries-failed') problem.textContent = words.text('name-unanswered');
  else if (type === 'error') problem.textContent = words.text('name-status', { status: argsRaw.status });
  else if (type.startsWith('datastar-patch-')) problem.textContent = '';
});

// What was opened by a button is closed by Escape too.
document.addEventListener('keydown', ({ key, target }) => {
  if (key !== 'Escape') return;
  if (target === document.getElementById('name') && document.getElementById('draft')) {
    document.getElementById('rename')?.click();
    document.getElementById('draft')?.focus();
  } else if (document.querySelector('#people.open')) {
    document.getElementById('who')?.click();
  }
});

document.addEventListener('click', ({ target }) => {
  if (target !== document.getElementById('rename')) return;
  // Once the form is shown.
  setTimeout(() => /** @type {HTMLInputElement | null} */ (document.getElementById('name'))?.select());
});
