// Messages on their way. A text leaves the field at once and stays on the page until the server has it, so
// that the next one can be typed; they go out one after the other, each under a key of its own, by which the
// server recognises one that is sent again. What is not sent, and the draft, outlive a reload.

const TRIES_MAX = 5;
const FIRST_WAIT_MS = 1_000;
// What may pass by itself. A status of 0 stands for no answer at all.
const PASSING = [429, 500, 502, 503, 504];
// After these the message is certainly not stored, so its text can be taken back and changed.
const NOT_STORED = [400, 401, 403, 408, 413, 415, 422, 429, 507];
const REASONS = {
  0: 'The server did not answer.',
  401: 'The server does not know you any more. Choose your name again, then try again.',
  403: 'The server refused it.',
  413: 'It is too long.',
  422: 'The server refused it: there is nothing to see in it, or its key was used before.',
  429: 'You send faster than this server allows.',
  500: 'The server could not say whether it was stored. Trying again settles it, and never sends it twice.',
  503: 'The server takes no messages right now.',
  507: "The server's disk is full.",
};

const room = document.body.dataset.room;
const DRAFT = `millchat:draft:${room}`;
const UNSENT = `millchat:unsent:${room}`;
const outbox = document.getElementById('outbox');
const problem = document.getElementById('problem');
const entries = [];

// Storage can be full or forbidden; then a reload forgets, and nothing else is lost.
function store(name, value) {
  try {
    if (value) sessionStorage.setItem(name, value);
    else sessionStorage.removeItem(name);
  } catch {}
}

function stored(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

// `randomUUID` exists only on pages that came by TLS or from this machine.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function save() {
  store(UNSENT, entries.length > 0 ? JSON.stringify(entries.map(({ key, content }) => ({ key, content }))) : '');
}

function show(entry, template) {
  const row = document.importNode(document.getElementById(template).content.firstElementChild, true);
  row.querySelector('.text').textContent = entry.content;
  // What the row's own expression sends.
  row.content = entry.content;
  row.key = entry.key;
  row.entry = entry;
  if (entry.row) entry.row.replaceWith(row);
  else outbox.append(row);
  entry.row = row;
}

function fate(entry, text) {
  const line = entry.row.querySelector('.fate');
  line.textContent = text;
  entry.row.classList.add('late');
}

function drop(entry) {
  entry.row.remove();
  entries.splice(entries.indexOf(entry), 1);
  save();
}

function queue(key, content) {
  const entry = { key, content, state: 'waiting', tries: 0 };
  entries.push(entry);
  show(entry, 'waiting');
}

// One at a time, so that they arrive in the order in which they were written.
function pump() {
  if (entries.some(({ state }) => state === 'sending')) return;
  const next = entries.find(({ state }) => state === 'waiting');
  if (!next) return;
  next.state = 'sending';
  post(next);
}

function post(entry) {
  entry.status = undefined;
  entry.reason = undefined;
  entry.tries += 1;
  show(entry, 'sending');
}

// Why it is forbidden: the room is closed, the author is banned, or it seems to come from another site. The client
// tells the status alone, so the server is asked once more for its sentence. Under the same key it stores the text at
// most once, if what forbade it has just ended.
async function hear(entry) {
  try {
    const answer = await fetch(`/${room}/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ content: entry.content, key: entry.key }),
    });
    entry.status = answer.ok ? undefined : answer.status;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    entry.reason = page.querySelector('.failure h1 + p')?.textContent;
  } catch {
    // What the status alone says has to do.
  }
}

async function settle(entry) {
  if (entry.status === 403) await hear(entry);
  if (entry.status === undefined) {
    drop(entry);
  } else if (PASSING.includes(entry.status) && entry.tries < TRIES_MAX) {
    fate(entry, `${REASONS[entry.status] ?? REASONS[503]} Trying again…`);
    setTimeout(post, FIRST_WAIT_MS * 2 ** (entry.tries - 1), entry);
    return;
  } else {
    entry.state = 'failed';
    show(entry, 'unsent');
    fate(entry, `Not sent. ${entry.reason ?? REASONS[entry.status] ?? `The server answered ${entry.status}.`}`);
    entry.row.querySelector('.edit').hidden = !NOT_STORED.includes(entry.status);
    const rename = document.getElementById('rename');
    if (entry.status === 401 && rename && document.getElementById('namer').hidden) rename.click();
  }
  pump();
}

document.addEventListener('datastar-fetch', ({ detail: { type, el, argsRaw } }) => {
  const entry = el.entry;
  if (!entry || entry.row !== el) return;
  if (type === 'error') entry.status = Number(argsRaw.status);
  else if (type === 'retries-failed') entry.status = 0;
  else if (type === 'retrying') fate(entry, 'Waiting for the connection…');
  else if (type === 'finished') settle(entry);
});

outbox.addEventListener('click', ({ target }) => {
  const entry = target.closest('li')?.entry;
  if (!entry || entry.state !== 'failed') return;
  if (target.matches('.again')) {
    entry.state = 'waiting';
    entry.tries = 0;
    show(entry, 'waiting');
    pump();
  } else if (target.matches('.edit')) {
    const field = document.getElementById('draft');
    field.value = field.value ? `${entry.content}\n${field.value}` : entry.content;
    drop(entry);
    changed(field);
    field.focus();
  } else if (target.matches('.discard')) {
    drop(entry);
  }
});

function changed(field) {
  store(DRAFT, field.value);
  problem.textContent = '';
  if (CSS.supports('field-sizing', 'content')) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}

document.addEventListener('input', ({ target }) => {
  if (target.id === 'draft') changed(target);
});

document.addEventListener('keydown', (event) => {
  if (event.target.id !== 'draft' || event.key !== 'Enter') return;
  if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  // Enter that ends a composition chooses a word; Safari says so only by the key code.
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.id !== 'writer') return;
  event.preventDefault();
  const field = form.elements.content;
  const content = field.value;
  if (content.trim() === '') return;
  const bytes = new TextEncoder().encode(content).length;
  const limit = Number(form.dataset.contentBytesMax);
  if (bytes > limit) {
    const figure = new Intl.NumberFormat();
    problem.textContent = `Not sent. The message is ${figure.format(bytes)} bytes; the limit is ${figure.format(limit)}.`;
    return;
  }
  queue(newKey(), content);
  save();
  field.value = '';
  changed(field);
  pump();
});

function restoreDraft() {
  const field = document.getElementById('draft');
  if (!field || field.value) return;
  field.value = stored(DRAFT) ?? '';
  changed(field);
}

restoreDraft();
new MutationObserver(restoreDraft).observe(document.getElementById('composer'), { childList: true });
try {
  for (const { key, content } of JSON.parse(stored(UNSENT) ?? '[]')) queue(String(key), String(content));
} catch {
  // Somebody else wrote there: nothing to restore.
}
pump();
