// A guest of a panel. Its document is the same for everybody, since a frame is loaded without a token: the foot, or the
// whole room where only some may read, is fetched with it.

import { authorId } from './author.js';
import { giveName, hasToken, heldToken, holdToken, isKept, keepToken } from './bearer.js';
import { goToOwnRoom, isDesk } from './desk.js';
import { composer, composerForm, deniedNotice, draftField, isPanel, nameField, problem, stream } from './dom.js';
import { replaceText } from './draft.js';
import { reportProblem } from './host.js';
import { localize } from './i18n.js';
import { refuseVouched, whenIdentified } from './identify.js';
import { NAMED } from './people.js';
import { reasonOf } from './refusal.js';
import { save } from './storage.js';
import { hasPlace, reopenStream } from './tabs.js';

let isNaming = false;

/** Forgets a token that the server does not take. */
function beNobody() {
  if (!hasToken() || refuseVouched()) return;
  if (heldToken()) holdToken('');
  else keepToken('');
  reportProblem('identity');
}

function fetchFoot() {
  composer.dispatchEvent(new CustomEvent('refresh'));
}

/** Fetches the foot; resolves once it is there, or does not come. */
function waitForFoot() {
  return new Promise((resolve) => {
    const hear = (/** @type {DocumentEventMap['datastar-fetch']} */ { detail: { el, type } }) => {
      if (el !== composer || type !== 'finished') return;
      document.removeEventListener('datastar-fetch', hear);
      // After the patch.
      setTimeout(resolve);
    };
    document.addEventListener('datastar-fetch', hear);
    fetchFoot();
  });
}

/** Sends the first message, if it is still there; what was typed behind it meanwhile stays. @param {string} text */
function sendFirst(text) {
  const typed = draftField()?.value ?? '';
  if (!typed.startsWith(text)) return;
  const rest = typed.slice(text.length);
  if (rest) replaceText(text);
  composerForm()?.requestSubmit();
  if (rest) replaceText(rest);
}

/** Gives the name, and sends the message once its author is known. @param {string} name */
async function introduce(name) {
  problem.textContent = '';
  const text = draftField()?.value ?? '';
  let answer = await giveName(name);
  if (answer?.status === 401) {
    beNobody();
    answer = await giveName(name);
  }
  if (answer) {
    problem.textContent = (await reasonOf(answer)) ?? localize('name-status', { status: answer.status });
    nameField()?.focus();
    return;
  }
  if (isDesk) return goToOwnRoom(text);
  await waitForFoot();
  if (!authorId()) {
    problem.textContent = localize('name-unanswered');
    return;
  }
  save(NAMED, `${Date.now()}`);
  reopenStream('changed');
  sendFirst(text);
}

/** @param {SubmitEvent} event */
async function submit(event) {
  if (event.target !== composerForm() || authorId()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const name = nameField()?.value.trim();
  if (!name || isNaming) return;
  isNaming = true;
  try {
    await introduce(name);
  } catch {
    problem.textContent = localize('name-unanswered');
  } finally {
    isNaming = false;
  }
}

const isShell = () => document.body.dataset.shell !== undefined;

/** Says why nothing of the room is here. @param {string[]} why */
function deny(...why) {
  const notice = deniedNotice();
  if (!notice || !isShell()) return;
  notice.textContent = why.map((line) => localize(line)).join('\n');
  notice.hidden = false;
}

/** Fetches what is for the reader of this panel. */
export function fetchOwn() {
  if (!hasToken()) deny('denied-title', 'denied-nobody');
  else if (isDesk) goToOwnRoom().catch(() => (problem.textContent = localize('name-unanswered')));
  else if (isShell()) document.getElementById('joiner')?.dispatchEvent(new CustomEvent('join'));
  else fetchFoot();
}

let hasBegun = false;

function begin() {
  // Another token is known to no stream.
  if (hasBegun) reopenStream('changed');
  hasBegun = true;
  fetchOwn();
}

// The foot of a reader with a token that the server does not take is that of nobody.
function checkFoot() {
  if (!authorId()) beNobody();
}

function sayIfForgotten() {
  if (!hasToken() || isKept() || document.getElementById('forgets')) return;
  const line = document.createElement('p');
  line.id = 'forgets';
  line.textContent = localize('panel-forgets');
  composer.before(line);
}

if (isPanel) {
  document.addEventListener('datastar-fetch', ({ detail: { type, el, argsRaw } }) => {
    if (el === stream && argsRaw?.nobody !== undefined) {
      beNobody();
      fetchFoot();
    }
    if (el.id === 'namer' && type === 'error' && argsRaw.status === '401') beNobody();
    if (el.id === 'joiner' && type === 'error') {
      if (argsRaw.status === '401') beNobody();
      if (argsRaw.status === '403') deny('denied-not-member');
      else deny('denied-title', 'denied-nobody');
    }
    // After the patch.
    if (el === composer && type === 'datastar-patch-elements') setTimeout(checkFoot);
  });
  // Before the message is sent.
  document.addEventListener('submit', submit, { capture: true });
  new MutationObserver(sayIfForgotten).observe(composer, { attributeFilter: ['data-author-id'] });
  // The client has read the page once it has set the place; that of a shell has none.
  if (hasPlace() || isShell() || isDesk) whenIdentified(begin);
  else {
    const ready = new MutationObserver(() => {
      if (!hasPlace()) return;
      ready.disconnect();
      whenIdentified(begin);
    });
    ready.observe(stream, { attributeFilter: ['data-place'] });
  }
}
