// One's own messages, edited and deleted. Arrow up in an empty field edits the last one, and the one before it when
// pressed again; a row's tools offer both.

const room = document.body.dataset.room;
const messages = document.getElementById('messages');
const problem = document.getElementById('problem');
const dialog = document.getElementById('deleting');
const UNSAVED = `millchat:unsaved:${room}`;
/** @type {{ row: Row, text: string, draft: string } | undefined} */
let editing;

/** Edits that were begun and neither saved nor given up, by position. @returns {Record<string, string>} */
function unsaved() {
  try {
    return JSON.parse(store.kept(UNSAVED, 'sessionStorage')) ?? {};
  } catch {
    return {};
  }
}

/** @param {Row} row @param {string} [text] */
function keep(row, text) {
  const all = unsaved();
  const position = row.dataset.position ?? '';
  if (text === all[position]) return;
  if (text === undefined) delete all[position];
  else all[position] = text;
  store.keep(UNSAVED, JSON.stringify(all), 'sessionStorage');
}

const own = () => [.../** @type {NodeListOf<Row>} */ (messages.querySelectorAll('.msg.mine:not(:has(> .body > .deleted))'))];

/** The text as it was typed: the row says so where it shows another. Without the mark of an edit and the space before
 *  it. @param {Row} row */
function textOf(row) {
  const text = /** @type {HTMLElement} */ (row.querySelector('.text')?.cloneNode(true));
  if (text.dataset.source !== undefined) return text.dataset.source;
  const mark = text.querySelector('.edited');
  mark?.remove();
  return (text.textContent ?? '').slice(0, mark ? -1 : undefined);
}

/** @param {string} text */
function write(text) {
  const field = document.getElementById('draft');
  if (!field) return;
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
  field.setSelectionRange(text.length, text.length);
}

/** @param {Row} row */
function begin(row) {
  const form = document.getElementById('writer');
  const field = document.getElementById('draft');
  if (!form || !field) return;
  const draft = editing ? editing.draft : field.value;
  editing?.row.classList.remove('editing');
  editing = { row, text: textOf(row), draft };
  row.classList.add('editing');
  row.scrollIntoView({ block: 'nearest' });
  form.dataset.editing = row.dataset.position;
  document.getElementById('editing')?.removeAttribute('hidden');
  write(unsaved()[row.dataset.position ?? ''] ?? editing.text);
}

// What was changed is there again when it is edited the next time.
function leave() {
  if (!editing) return;
  const { row, draft } = editing;
  editing = undefined;
  row.classList.remove('editing');
  document.getElementById('editing')?.setAttribute('hidden', '');
  document.getElementById('writer')?.removeAttribute('data-editing');
  write(draft);
}

function end() {
  if (editing) keep(editing.row);
  leave();
}

/** @param {'PATCH' | 'DELETE'} method @param {Row} row @param {string} [content] */
async function ask(method, row, content) {
  /** @param {string} why */
  const say = (why) => {
    problem.textContent = words.text(method === 'PATCH' ? 'edit-failed' : 'delete-failed', { why });
  };
  try {
    const answer = await fetch(`/${room}/messages/${row.dataset.position}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: content === undefined ? undefined : JSON.stringify({ content }),
    });
    if (answer.ok) return true;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    say(page.querySelector('.failure .why')?.textContent ?? '');
  } catch {
    say(words.text('no-answer'));
  }
  return false;
}

/** @param {Row} row */
function remove(row) {
  const quote = /** @type {HTMLElement} */ (dialog.querySelector('.text'));
  quote.textContent = textOf(row);
  dialog.returnValue = 'keep';
  dialog.addEventListener(
    'close',
    async () => {
      // A text that is deleted is nowhere in the page any more.
      quote.textContent = '';
      if (dialog.returnValue !== 'delete') return;
      if (await ask('DELETE', row)) {
        if (editing?.row === row) end();
        else document.getElementById('draft')?.focus();
      }
    },
    { once: true },
  );
  dialog.showModal();
}

document.addEventListener('text-save', async ({ detail: text }) => {
  const edit = editing;
  if (!edit) return;
  if (text.trim() === '') return remove(edit.row);
  if (text !== edit.text && !(await ask('PATCH', edit.row, text))) return;
  if (editing === edit) end();
});

document.addEventListener('edit-leave', leave);
document.addEventListener('input', ({ target }) => {
  if (!editing || !(target instanceof HTMLTextAreaElement) || target.id !== 'draft') return;
  keep(editing.row, target.value === editing.text ? undefined : target.value);
});

document.addEventListener('keydown', (event) => {
  const field = document.getElementById('draft');
  if (event.target !== field || !field || event.isComposing) return;
  if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === 'Escape' && editing) return end();
  if (event.key !== 'ArrowUp' || (editing ? field.value !== editing.text : field.value !== '')) return;
  const rows = own();
  const row = editing ? rows[rows.indexOf(editing.row) - 1] : rows.at(-1);
  if (!row) return;
  event.preventDefault();
  begin(row);
});

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const row = /** @type {Row | null} */ (target.closest('.msg'));
  if (target.matches('.tools .edit') && row) begin(row);
  else if (target.matches('.tools .delete') && row) remove(row);
  else if (target.matches('#editing .delete') && editing) remove(editing.row);
  else if (target.matches('#editing .cancel')) end();
});

// What was edited may be deleted from elsewhere, or the room emptied.
new MutationObserver(() => {
  if (editing && (!editing.row.isConnected || editing.row.querySelector('.deleted'))) end();
}).observe(messages, { childList: true, subtree: true });
// A new name takes from the form what the server does not know of.
new MutationObserver(() => {
  const form = document.getElementById('writer');
  if (!editing || !form || form.dataset.editing) return;
  form.dataset.editing = editing.row.dataset.position;
  document.getElementById('editing')?.removeAttribute('hidden');
}).observe(document.getElementById('composer'), { childList: true, subtree: true, attributeFilter: ['data-editing'] });

// A reload is in the midst of an edit. The draft that it leaves is in the field by then.
requestAnimationFrame(() => {
  const [position] = Object.keys(unsaved());
  const row = /** @type {Row | null} */ (position === undefined ? null : document.getElementById(`m-${position}`));
  if (row && !row.querySelector('.deleted')) begin(row);
});
