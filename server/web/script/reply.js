// Replying to a message: its quote is shown above the field, and its position goes with the text that is sent
// (`data-reply-to` of the form). The actions of a row begin a reply, Escape and a button end it. Like the
// draft it outlives a reload.

import { keyOfAuthor, whenAuthor } from './author.js';
import { cloneTemplate, composer, composerForm, draftField } from './dom.js';
import { leaveEdit } from './edit.js';
import { rowOf } from './message.js';
import { quoteOf } from './quote.js';
import { load, save } from './storage.js';

/** @param {string} [author] */
const keyOfReply = (author) => keyOfAuthor('reply', author);

/** @param {string} target */
function show(target) {
  const form = composerForm();
  const bar = document.getElementById('replying');
  if (!form || !bar) return;
  form.dataset.replyTo = target;
  bar.querySelector('.quote')?.replaceWith(quoteOf(target));
  bar.hidden = false;
}

/** @param {string} target */
export function beginReply(target) {
  leaveEdit();
  save(keyOfReply(), target);
  show(target);
  draftField()?.focus();
}

export function endReply() {
  save(keyOfReply(), '');
  hide();
}

function hide() {
  const bar = document.getElementById('replying');
  composerForm()?.removeAttribute('data-reply-to');
  if (!bar || bar.hidden) return;
  bar.hidden = true;
  // The quoted message may be deleted later: then it must not stay in the page.
  bar.querySelector('.quote')?.replaceWith(cloneTemplate('quote'));
}

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const row = rowOf(target);
  if (target.matches('.tools .reply') && row) beginReply(row.dataset.position ?? '');
  else if (target.matches('#replying .cancel')) {
    endReply();
    draftField()?.focus();
  }
});

// In the capture phase, before an edit that is under way hears of the key: Escape ends the edit first.
document.addEventListener(
  'keydown',
  (event) => {
    const field = draftField();
    if (event.key !== 'Escape' || event.target !== field || event.isComposing) return;
    if (!field?.form?.dataset.editing) endReply();
  },
  { capture: true },
);

// Another tab of this room shares the draft, and what it replies to.
window.addEventListener('storage', ({ key, newValue }) => {
  if (key !== keyOfReply()) return;
  if (newValue) restore();
  else hide();
});

function restore() {
  const target = load(keyOfReply());
  if (/^\d+$/.test(target) && composerForm()?.dataset.replyTo !== target) show(target);
}

restore();
// As with the draft: what nobody has begun to answer is answered by the author that they are now.
whenAuthor((before) => {
  const target = before ? '' : load(keyOfReply(''));
  if (target) {
    save(keyOfReply(''), '');
    save(keyOfReply(), target);
  } else if (!load(keyOfReply())) {
    hide();
  }
  restore();
});
// A patch after a new name brings a new field, or removes the attributes that the server does not know of.
new MutationObserver(restore).observe(composer, {
  childList: true,
  subtree: true,
  attributeFilter: ['data-reply-to'],
});
