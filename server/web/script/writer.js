// The field to write in: Enter sends, where there are keys, a draft outlives a reload, and what is typed beside it goes
// into it. What becomes of the text is the outbox's part, or that of an edit when one is under way (`data-editing` of the
// form).

const room = document.body.dataset.room;
const DRAFT = `millchat:draft:${room}`;
const composer = document.getElementById('composer');
const problem = document.getElementById('problem');
const scroller = document.getElementById('scroller');
// The keyboard of a phone has no other key for a new line, and there is a button.
const byTouch = matchMedia('(hover: none) and (pointer: coarse)');

/** @param {HTMLTextAreaElement} field */
function changed(field) {
  if (!field.form?.dataset.editing) store.keep(DRAFT, field.value);
  if (CSS.supports('field-sizing', 'content')) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLTextAreaElement) || target.id !== 'draft') return;
  problem.textContent = '';
  changed(target);
});

document.addEventListener('keydown', (event) => {
  const { target } = event;
  if (!(target instanceof HTMLTextAreaElement) || target.id !== 'draft' || event.key !== 'Enter') return;
  if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey || byTouch.matches) return;
  // Enter that ends a composition chooses a word; Safari says so only by the key code.
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  target.form?.requestSubmit();
});

document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  const field = document.getElementById('draft');
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const isNowhere = target === document.body || target === scroller;
  if (isNowhere && key.length === 1 && key !== ' ') field?.focus();
  if (key !== 'PageUp' && key !== 'PageDown') return;
  if (target !== document.body && (target !== field || field?.value !== '')) return;
  event.preventDefault();
  scroller.scrollBy(0, (key === 'PageUp' ? -0.9 : 0.9) * scroller.clientHeight);
});

document.querySelector('.skip')?.addEventListener('click', (event) => {
  const field = document.getElementById('draft') ?? document.getElementById('name');
  if (!field) return;
  event.preventDefault();
  field.focus();
});

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const field = document.getElementById('draft');
  if (form.id !== 'writer' || !field) return;
  event.preventDefault();
  const detail = field.value;
  const bytes = new TextEncoder().encode(detail).length;
  const limit = Number(form.dataset.contentBytesMax);
  if (bytes > limit) {
    problem.textContent = words.text('not-sent', { why: words.text('message-too-long', { bytes, limit }) });
    return;
  }
  if (form.dataset.editing) {
    document.dispatchEvent(new CustomEvent('text-save', { detail }));
    return;
  }
  if (detail.trim() === '') return;
  document.dispatchEvent(new CustomEvent('text-send', { detail: { content: detail, replyTo: form.dataset.replyTo } }));
  problem.textContent = '';
  field.value = '';
  changed(field);
});

document.addEventListener('text-back', ({ detail: text }) => {
  const field = document.getElementById('draft');
  if (!field) return;
  field.value = field.value ? `${text}\n${field.value}` : text;
  changed(field);
  field.focus();
});

function restore() {
  const field = document.getElementById('draft');
  if (!field) return;
  if (byTouch.matches) field.enterKeyHint = 'enter';
  if (field.value) return;
  field.value = store.kept(DRAFT);
  changed(field);
}

restore();
new MutationObserver(restore).observe(composer, { childList: true });
