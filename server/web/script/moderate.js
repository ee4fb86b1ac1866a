// Flags for the moderators, and bans by them: the buttons of a row open a dialog, which says how it went.

import { ask } from './ask.js';
import { banDialog, base, draftField, flagDialog, room } from './dom.js';
import { localize } from './i18n.js';
import { rowOf, typedText } from './message.js';
import { reasonOf } from './refusal.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** @template {HTMLElement} T @param {HTMLDialogElement} dialog @param {string} selector */
const inside = (dialog, selector) => /** @type {T} */ (dialog.querySelector(selector));

/** Opens a dialog whose button does `act`, and says `done` once that is done.
 *  @param {HTMLDialogElement} dialog @param {string} done @param {() => Promise<Response>} act */
function open(dialog, done, act) {
  const form = /** @type {HTMLFormElement} */ (inside(dialog, 'form'));
  const button = /** @type {HTMLButtonElement} */ (inside(dialog, '[type=submit]'));
  const outcome = inside(dialog, '.outcome');
  outcome.textContent = '';
  form.reset();
  dialog.classList.remove('finished');
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const answer = await act();
      dialog.classList.toggle('finished', answer.ok);
      outcome.textContent = answer.ok ? done : localize('deed-failed', { why: (await reasonOf(answer)) ?? '' });
    } catch {
      outcome.textContent = localize('deed-failed', { why: localize('no-answer') });
    }
    button.disabled = false;
    if (dialog.classList.contains('finished')) inside(dialog, '.shut').focus();
  };
  dialog.showModal();
}

/** @param {Row} row */
function flag(row) {
  const reason = /** @type {HTMLInputElement} */ (inside(flagDialog, 'input'));
  inside(flagDialog, '.text').textContent = typedText(row.querySelector('.text'));
  open(flagDialog, localize('flagged'), () => {
    const path = `${base}/messages/${row.dataset.position}/flags`;
    return ask(path, { method: 'POST', json: { reason: reason.value } });
  });
}

/** Deletes all that somebody wrote in the room, in the steps that the server takes.
 *  @param {string} author */
async function deleteAll(author) {
  for (let after = ''; ;) {
    const answer = await ask(`${base}/authors/${author}/messages${after}`, { method: 'DELETE' });
    if (answer.status === 429) {
      const seconds = Number(answer.headers.get('retry-after')) || 1;
      await new Promise((resolve) => setTimeout(resolve, seconds * SECOND_MS));
      continue;
    }
    if (!answer.ok) return answer;
    const { before } = await answer.clone().json();
    if (before === null) return answer;
    after = `?before=${before}`;
  }
}

/** @param {Row} row */
function ban(row) {
  const name = row.querySelector('.who .name')?.textContent ?? '';
  const hours = /** @type {HTMLSelectElement} */ (inside(banDialog, 'select'));
  const all = /** @type {HTMLInputElement} */ (inside(banDialog, 'input'));
  inside(banDialog, 'h2').textContent = localize('ban-question', { name });
  /** @type {HTMLAnchorElement} */ (inside(banDialog, 'a')).href = `/${room}/moderation`;
  open(banDialog, localize('ban-done', { name }), async () => {
    const author = encodeURIComponent(row.dataset.authorId ?? '');
    const until = hours.value && new Date(Date.now() + Number(hours.value) * HOUR_MS).toISOString();
    const answer = await ask(`${base}/bans/${author}`, { method: 'PUT', json: until ? { until } : {} });
    return answer.ok && all.checked ? deleteAll(author) : answer;
  });
}

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const row = rowOf(target);
  if (target.matches('.tools .flag') && row) flag(row);
  else if (target.matches('.tools .ban') && row) ban(row);
  else if (target.matches('dialog .shut')) target.closest('dialog')?.close();
});
for (const dialog of [flagDialog, banDialog]) {
  dialog.addEventListener('close', () => {
    // A text that is deleted later must not stay in the page.
    const text = dialog.querySelector('.text');
    if (text) text.textContent = '';
    draftField()?.focus();
  });
}
