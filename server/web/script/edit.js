// Edits and deletes of one's own messages. Arrow up in an empty field edits the last one, and the one before
// it when pressed again; the actions of a row offer both.

import { ask } from './ask.js';
import { keyOfAuthor, whenAuthor } from './author.js';
import { base, composer, composerForm, deleteDialog, draftField, messages, problem } from './dom.js';
import { draftText, replaceText } from './draft.js';
import { localize } from './i18n.js';
import { rowOf, typedText } from './message.js';
import { reasonOf } from './refusal.js';
import { load, save } from './storage.js';

const keyOfUnsaved = () => keyOfAuthor('unsaved');
/** @type {{ row: Row, text: string } | undefined} */
let editing;

/** Returns the edits that were begun and neither sent nor given up, by position.
 *  @returns {Record<string, string>} */
function unsaved() {
  try {
    const all = Object.entries(JSON.parse(load(keyOfUnsaved(), 'sessionStorage')) ?? {});
    return Object.fromEntries(all.filter(([, text]) => typeof text === 'string'));
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
  save(keyOfUnsaved(), JSON.stringify(all), 'sessionStorage');
}

const OWN = '.msg.mine:not(:has(> .body > .deleted))';
const own = () => [.../** @type {NodeListOf<Row>} */ (messages.querySelectorAll(OWN))];

/** @param {Row} row */
const textOf = (row) => typedText(row.querySelector('.text'));

/** @param {Row} row */
function begin(row) {
  const form = composerForm();
  const field = draftField();
  if (!form || !field) return;
  editing?.row.classList.remove('editing');
  editing = { row, text: textOf(row) };
  row.classList.add('editing');
  row.scrollIntoView({ block: 'nearest' });
  form.dataset.editing = row.dataset.position;
  document.getElementById('editing')?.removeAttribute('hidden');
  replaceText(unsaved()[row.dataset.position ?? ''] ?? editing.text);
}

/** Puts the edit aside. What was changed is restored when the message is edited the next time. */
export function leaveEdit() {
  if (!editing) return;
  const { row } = editing;
  editing = undefined;
  row.classList.remove('editing');
  document.getElementById('editing')?.setAttribute('hidden', '');
  composerForm()?.removeAttribute('data-editing');
  replaceText(draftText());
}

/** Ends the edit and forgets what was changed. */
function end() {
  if (editing) keep(editing.row);
  leaveEdit();
}

/** @param {'PATCH' | 'DELETE'} method @param {Row} row @param {string} [content] */
async function request(method, row, content) {
  /** @param {string} why */
  const showProblem = (why) => {
    problem.textContent = localize(method === 'PATCH' ? 'edit-failed' : 'delete-failed', { why });
  };
  try {
    const json = content === undefined ? undefined : { content };
    const answer = await ask(`${base}/messages/${row.dataset.position}`, { method, json });
    if (answer.ok) return true;
    showProblem((await reasonOf(answer)) ?? '');
  } catch {
    showProblem(localize('no-answer'));
  }
  return false;
}

/** @param {Row} row */
function remove(row) {
  const quote = /** @type {HTMLElement} */ (deleteDialog.querySelector('.text'));
  quote.textContent = textOf(row);
  deleteDialog.returnValue = 'keep';
  deleteDialog.addEventListener(
    'close',
    async () => {
      // A deleted text must not stay in the page.
      quote.textContent = '';
      if (deleteDialog.returnValue !== 'delete') return;
      if (await request('DELETE', row)) {
        if (editing?.row === row) end();
        else draftField()?.focus();
      }
    },
    { once: true },
  );
  deleteDialog.showModal();
}

/** Sends the new text of the message that is edited. An empty one asks whether to delete the message.
 *  @param {string} text */
export async function saveEdit(text) {
  const edit = editing;
  if (!edit) return;
  if (text.trim() === '') return remove(edit.row);
  if (text !== edit.text && !(await request('PATCH', edit.row, text))) return;
  if (editing === edit) end();
}

document.addEventListener('input', ({ target }) => {
  if (!editing || !(target instanceof HTMLTextAreaElement) || target.id !== 'draft') return;
  keep(editing.row, target.value === editing.text ? undefined : target.value);
});

document.addEventListener('keydown', (event) => {
  const field = draftField();
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
  const row = rowOf(target);
  if (target.matches('.tools .edit') && row) begin(row);
  else if (target.matches('.tools .delete') && row) remove(row);
  else if (target.matches('#editing .delete') && editing) remove(editing.row);
  else if (target.matches('#editing .cancel')) end();
});

// The message may be deleted from elsewhere, or the room purged.
new MutationObserver(() => {
  if (editing && (!editing.row.isConnected || editing.row.querySelector('.deleted'))) end();
}).observe(messages, { childList: true, subtree: true });
// A patch after a new name removes the attributes that the server does not know of.
new MutationObserver(() => {
  const form = composerForm();
  if (!editing || !form || form.dataset.editing) return;
  form.dataset.editing = editing.row.dataset.position;
  document.getElementById('editing')?.removeAttribute('hidden');
}).observe(composer, { childList: true, subtree: true, attributeFilter: ['data-editing'] });

function resume() {
  const [position] = Object.keys(unsaved());
  const row = /** @type {Row | null} */ (document.getElementById(`m-${position}`));
  if (row && !editing && !row.querySelector('.deleted')) begin(row);
}

// The page was reloaded during an edit: go on with it, once the draft is in the field.
requestAnimationFrame(resume);
whenAuthor((before) => {
  if (!before) setTimeout(resume);
});
