// People to mention: when one types `@` in the field, a list of those who are present opens above it, and what is
// typed on narrows it down. Keys and fingers choose; the focus stays in the field. The one who is chosen is
// inserted by the name, and by the tag too where people share the name.

import { composer, draftField, mentionList, people } from './dom.js';
import { fold, mayBegin } from './mention.js';

const LISTED_MAX = 8;
// The longest name, and more.
const QUERY_CHARS_MAX = 100;

/** @typedef {{ name: string, tag: string, row: HTMLElement, isShared: boolean }} Person */

/** The list is open: the place of the `@`, what follows it, and who is listed.
 *  @type {{ at: number, query: string, listed: Person[], chosen: number, isMoved: boolean } | undefined} */
let open;
/** The place of an `@` whose list was closed, or chosen from. @type {number | undefined} */
let done;

/** Returns everybody who is present but the reader. @returns {Person[]} */
function present() {
  const here = people.querySelectorAll(':is(#presence, #bots) [data-author-id]');
  const rows = [.../** @type {NodeListOf<HTMLElement>} */ (here)];
  const { authorId, authorName = '' } = composer.dataset;
  const others = rows.filter(({ dataset }) => dataset.authorId !== authorId);
  const nameOf = (/** @type {HTMLElement} */ row) => row.querySelector('.name')?.textContent ?? '';
  const names = [fold(authorName), ...others.map((row) => fold(nameOf(row)))];
  return others.map((row) => {
    const name = nameOf(row);
    const tag = (row.querySelector('.tag')?.textContent ?? '').trim();
    return { name, tag, row, isShared: names.filter((other) => other === fold(name)).length > 1 };
  });
}

/** Returns those whose name, or a later word of it, begins like this. @param {string} query */
function matching(query) {
  const begin = fold(query);
  const isFirst = (/** @type {Person} */ { name }) => fold(name).startsWith(begin);
  const isLater = (/** @type {Person} */ { name }) => fold(name).includes(` ${begin}`);
  const all = present();
  const later = all.filter((person) => !isFirst(person) && isLater(person));
  return [...all.filter(isFirst), ...later].slice(0, LISTED_MAX);
}

function close() {
  open = undefined;
  mentionList.hidden = true;
  mentionList.replaceChildren();
  draftField()?.removeAttribute('aria-activedescendant');
}

function show() {
  if (!open) return;
  const { listed, chosen } = open;
  const options = listed.map(({ row }, number) => {
    const option = document.createElement('li');
    option.id = `mention-${number}`;
    option.setAttribute('role', 'option');
    option.setAttribute('aria-selected', `${number === chosen}`);
    option.append(...[...row.childNodes].map((node) => node.cloneNode(true)));
    return option;
  });
  mentionList.replaceChildren(...options);
  mentionList.hidden = false;
  options[chosen]?.scrollIntoView({ block: 'nearest' });
  draftField()?.setAttribute('aria-activedescendant', `mention-${chosen}`);
}

/** Returns the place of the `@` before the caret. @param {HTMLTextAreaElement} field */
function placeOf({ value, selectionStart, selectionEnd }) {
  if (selectionStart !== selectionEnd) return undefined;
  const from = Math.max(0, selectionStart - QUERY_CHARS_MAX);
  const [, before] = /([^]*)[@\uff20][^@\uff20\n]*$/.exec(value.slice(from, selectionStart)) ?? [];
  const at = before === undefined ? undefined : from + before.length;
  return at !== undefined && mayBegin(value, at) ? at : undefined;
}

/** @param {HTMLTextAreaElement} field */
function update(field) {
  const at = placeOf(field);
  if (at === undefined) done = undefined;
  const query = at === undefined ? '' : field.value.slice(at + 1, field.selectionStart);
  const listed = at === undefined || at === done || query.startsWith(' ') ? [] : matching(query);
  if (at === undefined || listed.length === 0) return close();
  if (open?.at === at && open.query === query) return;
  open = { at, query, listed, chosen: 0, isMoved: false };
  show();
}

/** @param {number} number */
function choose(number) {
  const field = draftField();
  const person = open?.listed[number];
  if (!open || !field || !person) return;
  const { at } = open;
  const end = field.selectionStart;
  const space = field.value[end] === ' ' ? '' : ' ';
  done = at;
  close();
  field.setRangeText(`@${person.name}${person.isShared ? ` ${person.tag}` : ''}${space}`, at, end, 'end');
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
}

/** @param {number} by */
function move(by) {
  if (!open) return;
  const { length } = open.listed;
  open.chosen = (open.chosen + by + length) % length;
  open.isMoved = true;
  show();
}

document.addEventListener('input', ({ target }) => {
  if (target instanceof HTMLTextAreaElement && target === draftField()) update(target);
});
// The caret was moved.
document.addEventListener('selectionchange', () => {
  const field = draftField();
  if (open && field && document.activeElement === field) update(field);
});
document.addEventListener('focusout', ({ target }) => {
  if (target === draftField()) close();
});
document.addEventListener('submit', () => {
  done = undefined;
  close();
});

// Before the keys of the field: those send, edit, and end a reply.
window.addEventListener(
  'keydown',
  (event) => {
    if (!open || event.target !== draftField() || event.isComposing || event.keyCode === 229) return;
    if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') move(key === 'ArrowDown' ? 1 : -1);
    else if (key === 'Enter' || key === 'Tab') {
      // A whole name needs nothing more: Enter sends.
      const isWhole = open.listed.some(({ name }) => fold(name) === fold(open?.query ?? ''));
      if (key === 'Enter' && isWhole && !open.isMoved) return close();
      choose(open.chosen);
    } else if (key === 'Escape') {
      done = open.at;
      close();
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

// The focus stays in the field.
mentionList.addEventListener('mousedown', (event) => event.preventDefault());
mentionList.addEventListener('click', ({ target }) => {
  const option = target instanceof Element ? target.closest('[role=option]') : null;
  if (option) choose([...mentionList.children].indexOf(option));
});
