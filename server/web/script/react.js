// Reactions: a press on a chip, or on one of the picker, adds one's own or takes it back; one's own chips are pressed.
// Counts and marks of who reacted come by the stream alone, the same for everybody.

const room = document.body.dataset.room;
const messages = document.getElementById('messages');
const composer = document.getElementById('composer');
const problem = document.getElementById('problem');
/** @type {Set<string>} Ids of chips that are one's own without a mark of it: a chip names the first of many. */
const unmarked = new Set();
/** @type {{ chip: Element, row: Element } | undefined} The chip that had the focus last. */
let focused;

/** @param {Element} chip */
const marks = (chip) => [.../** @type {NodeListOf<HTMLElement>} */ (chip.querySelectorAll('.whose > *'))];

/** @param {Element} chip */
function isOwn(chip) {
  const me = composer.dataset.authorId;
  return unmarked.has(chip.id) || (me !== '' && marks(chip).some(({ dataset }) => dataset.authorId === me));
}

/** @param {Iterable<Element>} chips */
function press(chips) {
  for (const chip of chips) chip.setAttribute('aria-pressed', `${isOwn(chip)}`);
}

/** @param {HTMLElement} row @param {string} reaction @param {boolean} on */
async function ask(row, reaction, on) {
  problem.textContent = '';
  try {
    const path = `/${room}/messages/${row.dataset.position}/reactions/${encodeURIComponent(reaction)}`;
    const answer = await fetch(path, { method: on ? 'PUT' : 'DELETE' });
    if (!answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const why = page.querySelector('.failure .why')?.textContent ?? '';
      problem.textContent = words.text('react-failed', { why });
      return;
    }
  } catch {
    problem.textContent = words.text('react-failed', { why: words.text('no-answer') });
    return;
  }
  const chip = row.querySelector(`.chip[data-reaction="${reaction}"]`);
  if (!chip) return;
  if (!on) unmarked.delete(chip.id);
  else if (!isOwn(chip)) unmarked.add(chip.id);
  press([chip]);
}

/** @param {Element} tools @param {boolean} open */
function showPicker(tools, open) {
  /** @type {HTMLElement} */ (tools.querySelector('.picker')).hidden = !open;
  tools.querySelector('.react')?.setAttribute('aria-expanded', `${open}`);
}

/** @param {Element} button */
function choose(button) {
  const row = /** @type {Row | null} */ (button.closest('.msg'));
  const reaction = /** @type {HTMLElement} */ (button).dataset.reaction ?? '';
  if (!row) return;
  const name = document.getElementById('name');
  if (!document.getElementById('draft') && name) return name.focus();
  const chip = row.querySelector(`.chip[data-reaction="${reaction}"]`);
  ask(row, reaction, !chip || !isOwn(chip));
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

/** Who they are, said when somebody wants to know. @param {Event} event */
function tell({ target }) {
  const chip = /** @type {HTMLElement | null} */ (target instanceof Element ? target.closest('.chip') : null);
  if (!chip) return;
  const names = marks(chip).map(({ textContent }) => (textContent ?? '').trim());
  const more = Number(chip.querySelector('[id$="-n"]')?.textContent) - names.length;
  chip.title = more > 0 ? `${names.join(', ')} ${words.text('and-more', { count: more })}` : names.join(', ');
}

messages.addEventListener('pointerover', tell);
messages.addEventListener('focusin', (event) => {
  tell(event);
  const chip = event.target instanceof Element ? event.target.closest('.chip') : null;
  const row = chip?.closest('.msg');
  focused = chip && row ? { chip, row } : undefined;
});

/** @param {MutationRecord[]} records */
function changed(records) {
  const chips = new Set();
  for (const { target, addedNodes, removedNodes } of records) {
    const chip = target instanceof Element ? target.closest('.chip') : null;
    if (chip) chips.add(chip);
    for (const node of addedNodes) {
      if (!(node instanceof Element)) continue;
      if (node.matches('.chip')) chips.add(node);
      for (const chip of node.querySelectorAll('.chip')) chips.add(chip);
      // Tools come to another row: what was open there is not open here.
      if (node.matches('.tools')) showPicker(node, false);
    }
    for (const node of removedNodes) {
      if (!(node instanceof Element)) continue;
      unmarked.delete(node.id);
      if (node !== focused?.chip || document.activeElement !== document.body) continue;
      // Whoever takes the last one back by keyboard stays where they are.
      /** @type {HTMLElement | null} */ (focused.row.querySelector('.at'))?.focus();
    }
  }
  press(chips);
}

press(messages.querySelectorAll('.chip'));
new MutationObserver(changed).observe(messages, { childList: true, subtree: true });
new MutationObserver(() => {
  unmarked.clear();
  press(messages.querySelectorAll('.chip'));
}).observe(composer, { attributeFilter: ['data-author-id'] });
