// The answers that bots are writing: whoever asked, and who looks after the room, can stop one. The message takes the
// place of its unfinished self at once, so that nothing jumps.

import { say } from './announce.js';
import { ask } from './ask.js';
import { isOwnId } from './author.js';
import { base, messages, problem, scroller } from './dom.js';
import { isolate, localize } from './i18n.js';
import { isMessage } from './message.js';
import { reasonOf } from './refusal.js';
import { isSeen } from './seen.js';

const LOOK_AFTER_THE_ROOM = ['moderator', 'owner', 'operator'];

/** Ids of the answers that a screen reader was told of. @type {Set<string>} */
let told = new Set();

const answers = () => /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#answering > li'));

/** @param {HTMLElement} answer */
function announce(answer) {
  if (told.has(answer.id) || answer.classList.contains('failed') || !isSeen()) return;
  const name = answer.querySelector('.name')?.textContent ?? '';
  say(localize('answering', { name: isolate(name) }));
}

function update() {
  const mayStopAll = LOOK_AFTER_THE_ROOM.includes(document.body.dataset.role ?? '');
  for (const answer of answers()) {
    const stop = /** @type {HTMLButtonElement | null} */ (answer.querySelector('.stop'));
    const hidden = !mayStopAll && !isOwnId(answer.dataset.askerId ?? '');
    if (stop && stop.hidden !== hidden) stop.hidden = hidden;
    announce(answer);
  }
  told = new Set([...answers()].map(({ id }) => id));
}

/** @param {HTMLElement} answer */
async function stop({ dataset: { target, authorId = '' } }) {
  problem.textContent = '';
  try {
    const path = `${base}/drafts/${target}?bot=${encodeURIComponent(authorId)}`;
    const answer = await ask(path, { method: 'DELETE' });
    // One that has just ended by itself needs no stop.
    if (answer.ok || answer.status === 404) return;
    problem.textContent = localize('answering-stop-failed', { why: (await reasonOf(answer)) ?? '' });
  } catch {
    problem.textContent = localize('answering-stop-failed', { why: localize('no-answer') });
  }
}

scroller.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('#answering .stop') : null;
  const answer = /** @type {HTMLElement | null | undefined} */ (button?.closest('li'));
  if (answer) stop(answer);
});

new MutationObserver((records) => {
  const isOfAnswers = (/** @type {Node} */ node) => node instanceof Element && node.closest('#answering') !== null;
  if (records.some(({ target, addedNodes }) => isOfAnswers(target) || [...addedNodes].some(isOfAnswers))) update();
}).observe(/** @type {Element} */ (messages.parentElement), {
  childList: true,
  subtree: true,
  attributeFilter: ['data-asker-id'],
});

new MutationObserver((records) => {
  for (const row of records.flatMap(({ addedNodes }) => [...addedNodes]).filter(isMessage)) {
    const target = /** @type {HTMLElement | null} */ (row.querySelector('.quote'))?.dataset.target;
    const { authorId } = row.dataset;
    for (const answer of answers())
      if (answer.dataset.target === target && answer.dataset.authorId === authorId) answer.remove();
  }
}).observe(messages, { childList: true });
