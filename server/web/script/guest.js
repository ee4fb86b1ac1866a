// A guest of a panel. Its document is the same for everybody, since a frame is loaded without a token: the foot, or the
// whole room where only some may read, is fetched with it.

import { giveName, hasToken, isKept, keepToken } from './bearer.js';
import { composer, composerForm, isPanel, nameField, problem, stream } from './dom.js';
import { reportProblem } from './host.js';
import { localize } from './i18n.js';
import { NAMED } from './people.js';
import { reasonOf } from './refusal.js';
import { save } from './storage.js';
import { reopenStream } from './tabs.js';

let isNaming = false;

/** Forgets a token that the server does not take. */
function beNobody() {
  if (!hasToken()) return;
  keepToken('');
  reportProblem('identity');
}

function fetchFoot() {
  composer.dispatchEvent(new CustomEvent('refresh'));
}

/** Gives the name, and sends the message once its author is known. @param {string} name */
async function introduce(name) {
  problem.textContent = '';
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
  const known = new MutationObserver(() => {
    known.disconnect();
    save(NAMED, `${Date.now()}`);
    reopenStream('changed');
    // After the patch.
    setTimeout(() => composerForm()?.requestSubmit());
  });
  known.observe(composer, { attributeFilter: ['data-author-id'] });
  fetchFoot();
}

/** @param {SubmitEvent} event */
async function submit(event) {
  if (event.target !== composerForm() || composer.dataset.authorId) return;
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

function begin() {
  if (!hasToken()) return;
  const joiner = document.body.dataset.shell === undefined ? null : document.getElementById('joiner');
  if (joiner) joiner.dispatchEvent(new CustomEvent('join'));
  else fetchFoot();
}

// The foot of a reader with a token that the server does not take is that of nobody.
function checkFoot() {
  if (!composer.dataset.authorId) beNobody();
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
    // After the patch.
    if (el === composer && type === 'datastar-patch-elements') setTimeout(checkFoot);
  });
  // Before the message is sent.
  document.addEventListener('submit', submit, { capture: true });
  new MutationObserver(sayIfForgotten).observe(composer, { attributeFilter: ['data-author-id'] });
  for (const form of document.querySelectorAll('form.search')) form.setAttribute('target', '_blank');
  // The client has read the page once it has set the place; that of a shell has none.
  if (stream.dataset.place || document.body.dataset.shell !== undefined) setTimeout(begin);
  else {
    const ready = new MutationObserver(() => {
      ready.disconnect();
      begin();
    });
    ready.observe(stream, { attributeFilter: ['data-place'] });
  }
}
