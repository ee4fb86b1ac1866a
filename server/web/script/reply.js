// Answering a message: which one stands above the field, and goes with the text that is sent (`data-reply-to` of the
// form). A row's tools begin it, Escape and a button end it. Like the draft it outlives a reload.

const REPLY = `millchat:reply:${document.body.dataset.room}`;

/** @param {string} target */
function aim(target) {
  const quote = /** @type {HTMLAnchorElement} */ (
    document.importNode(document.getElementById('quote').content, true).firstElementChild
  );
  quote.href = `#m-${target}`;
  quote.dataset.target = target;
  return quote;
}

/** @param {string} target */
function show(target) {
  const form = document.getElementById('writer');
  const bar = document.getElementById('replying');
  if (!form || !bar) return;
  form.dataset.replyTo = target;
  bar.querySelector('.quote')?.replaceWith(aim(target));
  bar.hidden = false;
}

/** @param {string} target */
function begin(target) {
  document.dispatchEvent(new CustomEvent('edit-leave'));
  store.keep(REPLY, target);
  show(target);
  document.getElementById('draft')?.focus();
}

function end() {
  const bar = document.getElementById('replying');
  store.keep(REPLY, '');
  document.getElementById('writer')?.removeAttribute('data-reply-to');
  if (!bar || bar.hidden) return;
  bar.hidden = true;
  // What is quoted may be deleted later: then it is nowhere in the page.
  bar.querySelector('.quote')?.replaceWith(document.importNode(document.getElementById('quote').content, true));
}

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const row = /** @type {Row | null} */ (target.closest('.msg'));
  if (target.matches('.tools .reply') && row) begin(row.dataset.position ?? '');
  else if (target.matches('#replying .cancel')) {
    end();
    document.getElementById('draft')?.focus();
  }
});

// Before an edit that is under way hears of it, which the key ends first.
document.addEventListener(
  'keydown',
  (event) => {
    const field = document.getElementById('draft');
    if (event.key !== 'Escape' || event.target !== field || event.isComposing) return;
    if (!field?.form?.dataset.editing) end();
  },
  { capture: true },
);

document.addEventListener('text-send', end);
document.addEventListener('reply-back', ({ detail: target }) => begin(target));

function restore() {
  const target = store.kept(REPLY);
  if (/^\d+$/.test(target) && document.getElementById('writer')?.dataset.replyTo !== target) show(target);
}

restore();
// A new name brings a new field, or takes from the one that is there what the server does not know of.
new MutationObserver(restore).observe(document.getElementById('composer'), {
  childList: true,
  subtree: true,
  attributeFilter: ['data-reply-to'],
});
