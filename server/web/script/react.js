// Reactions: a press on a chip, or on a button of the picker, adds one's own or takes it back; the chips of
// one's own are pressed. Counts and marks of who reacted arrive by the stream alone, the same for everybody.

import { ask } from './ask.js';
import { base, composer, draftField, messages, nameField, problem } from './dom.js';
import { localize } from './i18n.js';
import { rowOf } from './message.js';
import { reasonOf } from './refusal.js';

/** Ids of chips that are one's own without a mark: a chip names only the first authors.
 *  @type {Set<string>} */
const unmarked = new Set();
/** The chip that had the focus last. @type {{ chip: Element, row: Element } | undefined} */
let focused;

/** @param {Element} chip */
const marks = (chip) => [.../** @type {NodeListOf<HTMLElement>} */ (chip.querySelectorAll('.whose > *'))];

/** @param {Element} chip */
function isOwn(chip) {
  const me = composer.dataset.authorId;
  return unmarked.has(chip.id) || (me !== '' && marks(chip).some(({ dataset }) => dataset.authorId === me));
}

/** @param {Iterable<Element>} chips */
function updatePressed(chips) {
  for (const chip of chips) chip.setAttribute('aria-pressed', `${isOwn(chip)}`);
}

/** @param {HTMLElement} row @param {string} reaction @param {boolean} on */
async function request(row, reaction, on) {
  problem.textContent = '';
  try {
    const path = `${base}/messages/${row.dataset.position}/reactions/${encodeURIComponent(reaction)}`;
    const answer = await ask(path, { method: on ? 'PUT' : 'DELETE' });
    if (!answer.ok) {
      problem.textContent = localize('react-failed', { why: (await reasonOf(answer)) ?? '' });
      return;
    }
  } catch {
    problem.textContent = localize('react-failed', { why: localize('no-answer') });
    return;
  }
  const chip = row.querySelector(`.chip[data-reaction="${reaction}"]`);
  if (!chip) return;
  if (!on) unmarked.delete(chip.id);
  else if (!isOwn(chip)) unmarked.add(chip.id);
  updatePressed([chip]);
}

/** @param {Element} tools @param {boolean} open */
function showPicker(tools, open) {
  /** @type {HTMLElement} */ (tools.querySelector('.picker')).hidden = !open;
  tools.querySelector('.react')?.setAttribute('aria-expanded', `${open}`);
}

/** @param {Element} button */
function choose(button) {
  const row = rowOf(button);
  const reaction = /** @type {HTMLElement} */ (button).dataset.reaction ?? '';
  if (!row) return;
  const name = nameField();
  if (!draftField() && name) return name.focus();
  const chip = row.querySelector(`.chip[data-reaction="${reaction}"]`);
  request(row, reaction, !chip || !isOwn(chip));
}

messages.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const tools = target.closest('.tools');
  const chip = target.closest('.chip');
  if (chip) choose(chip);
  else if (tools && target.matches('.react')) {
    const open = target.getAttribute('aria-expanded') === 'true';
    showPicker(tools, !open);
    if (!open) /** @type {HTMLElement | null} */ (tools.querySelector('.picker button'))?.focus();
  } else if (tools && target.matches('.picker button')) {
    choose(target);
    showPicker(tools, false);
    /** @type {HTMLElement | null} */ (tools.querySelector('.react'))?.focus();
  }
});

messages.addEventListener('keydown', ({ key, target }) => {
  const tools = target instanceof Element ? target.closest('.tools:has(.picker:not([hidden]))') : null;
  if (key !== 'Escape' || !tools) return;
  showPicker(tools, false);
  /** @type {HTMLElement | null} */ (tools.querySelector('.react'))?.focus();
});

/** Names the authors when the reader points at a chip. @param {Event} event */
function showAuthors({ target }) {
  const chip = /** @type {HTMLElement | null} */ (target instanceof Element ? target.closest('.chip') : null);
  if (!chip) return;
  const names = marks(chip).map(({ textContent }) => (textContent ?? '').trim());
  const more = Number(chip.querySelector('[id$="-n"]')?.textContent) - names.length;
  chip.title = more > 0 ? `${names.join(', ')} ${localize('and-more', { count: more })}` : names.join(', ');
}

messages.addEventListener('pointerover', showAuthors);
messages.addEventListener('focusin', (event) => {
  showAuthors(event);
  const chip = event.target instanceof Element ? event.target.closest('.chip') : null;
  const row = chip?.closest('.msg');
  focused = chip && row ? { chip, row } : undefined;
});

/** @param {MutationRecord[]} records */
function update(records) {
  const chips = new Set();
  for (const { target, addedNodes, removedNodes } of records) {
    const chip = target instanceof Element ? target.closest('.chip') : null;
    if (chip) chips.add(chip);
    for (const node of addedNodes) {
      if (!(node instanceof Element)) continue;
      if (node.matches('.chip')) chips.add(node);
      for (const chip of node.querySelectorAll('.chip')) chips.add(chip);
      // The actions moved to another row: a picker that was open there is closed here.
      if (node.matches('.tools')) showPicker(node, false);
    }
    for (const node of removedNodes) {
      if (!(node instanceof Element)) continue;
      unmarked.delete(node.id);
      if (node !== focused?.chip || document.activeElement !== document.body) continue;
      // A reader who removes the last reaction by keyboard stays at the row.
      /** @type {HTMLElement | null} */ (focused.row.querySelector('.at'))?.focus();
    }
  }
  updatePressed(chips);
}

updatePressed(messages.querySelectorAll('.chip'));
new MutationObserver(update).observe(messages, { childList: true, subtree: true });
new MutationObserver(() => {
  unmarked.clear();
  updatePressed(messages.querySelectorAll('.chip'));
}).observe(composer, { attributeFilter: ['data-author-id'] });
