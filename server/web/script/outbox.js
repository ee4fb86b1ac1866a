// Messages on their way. A text stands below the others from the moment it was written, and stays, in the
// browser too, until the server says that it is durable. They go out one after the other, each under a key of
// its own, by which the server recognises one that is sent again: over a lost connection, a reload, a restart.

const TRIES_MAX = 5;
const FIRST_WAIT_MS = 1_000;
const WAIT_MS_MAX = 8_000;
// A connection that died without a word is noticed by nothing else.
const ANSWER_MS_MAX = 20_000;
// The server remembers keys for a day; later a text would be sent anew, and only its writer may decide that.
const KEY_MS_MAX = 20 * 3_600_000;
// A message that the server has and the page does not show: the stream is behind, or it stands in a hole.
const SHOWN_MS_MAX = 5_000;
const PASSING = [429, 500, 502, 503, 504];
// After these the message is certainly not stored, so its text can be taken back and changed.
const NOT_STORED = [400, 401, 403, 404, 408, 410, 413, 415, 422, 429, 507];
// What it answers is not there any more.
const NO_TARGET = [404, 410];
/** @type {Record<number, string>} */
const REASONS = {
  401: 'unsent-unknown',
  422: 'unsent-refused',
  429: 'unsent-fast',
  500: 'unsent-unclear',
  503: 'unsent-busy',
};

const room = document.body.dataset.room;
const UNSENT = `millchat:unsent:${room}`;
const messages = document.getElementById('messages');
const outbox = document.getElementById('outbox');
const composer = document.getElementById('composer');
/** @type {Entry[]} */
const entries = [];

/** What the browser keeps, of all tabs of this room. */
function kept() {
  try {
    const list = JSON.parse(store.kept(UNSENT) || '[]');
    return Array.isArray(list) ? list : [];
  } catch {
    // Somebody else can have written there.
    return [];
  }
}

/** @param {{ key: string }[]} list */
function keep(list) {
  store.keep(UNSENT, list.length > 0 ? JSON.stringify(list) : '');
}

/** @param {string} key */
const forget = (key) => keep(kept().filter((entry) => entry.key !== key));

// `randomUUID` exists only on pages that came by TLS or from this machine.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {Entry} entry @param {'pending' | 'unsent'} template @param {string} fate */
function show(entry, template, fate) {
  const content = document.importNode(document.getElementById(template).content, true);
  const row = /** @type {NonNullable<Entry['row']>} */ (content.firstElementChild);
  /** @type {HTMLElement} */ (row.querySelector('.text')).textContent = entry.content;
  if (entry.replyTo) row.prepend(quote(entry.replyTo));
  row.entry = entry;
  if (entry.row) entry.row.replaceWith(row);
  else outbox.append(row);
  head();
  entry.row = row;
  say(entry, fate);
}

// Below another's message, and in an empty list, what is on its way begins a group.
function head() {
  const last = /** @type {Row | null} */ (messages.querySelector(':scope > .msg:last-child'));
  if (last && last.dataset.authorId === composer.dataset.authorId) outbox.removeAttribute('data-name');
  else outbox.dataset.name = composer.dataset.authorName ?? '';
}

/** @param {string} target */
function quote(target) {
  const content = document.importNode(document.getElementById('quote').content, true);
  const link = /** @type {HTMLAnchorElement} */ (content.firstElementChild);
  link.href = `#m-${target}`;
  link.dataset.target = target;
  return link;
}

/** @param {Entry} entry @param {string} fate */
function say(entry, fate) {
  const line = entry.row?.querySelector('.fate');
  if (line) line.textContent = fate;
}

/** @param {Entry} entry */
function drop(entry) {
  clearTimeout(entry.timer);
  entry.row?.remove();
  if (entries.includes(entry)) entries.splice(entries.indexOf(entry), 1);
}

/** @param {Pick<Entry, 'key' | 'content' | 'author' | 'at' | 'replyTo'>} kept */
function queue({ key, content, author, at, replyTo }) {
  /** @type {Entry} */
  const entry = { key, content, author, at, replyTo, state: 'waiting', tries: 0, passing: false };
  entries.push(entry);
  show(entry, 'pending', words.text('waiting'));
}

// One at a time, so that they arrive in the order in which they were written: one that failed for a reason that may
// pass holds up those after it.
function pump() {
  if (entries.some(({ state, passing }) => state === 'sending' || state === 'resting' || passing)) return;
  const next = entries.find(({ state }) => state === 'waiting');
  if (next) post(next);
}

/** @param {Entry} entry */
async function post(entry) {
  const me = composer.dataset.authorId ?? '';
  if (entry.author !== '' && entry.author !== me) return fail(entry, words.text('unsent-other-name'), true);
  if (Date.now() - entry.at > KEY_MS_MAX) return fail(entry, words.text('unsent-old'), true);
  clearTimeout(entry.timer);
  entry.state = 'sending';
  entry.tries += 1;
  say(entry, words.text('sending'));
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(`/${room}/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ content: entry.content, key: entry.key, reply_to: entry.replyTo && Number(entry.replyTo) }),
      signal: AbortSignal.timeout?.(ANSWER_MS_MAX),
    });
  } catch {
    return rest(entry, words.text('waiting-connection'));
  }
  if (answer.ok) return arrived(entry, answer.headers.get('Location') ?? '');
  const { status } = answer;
  const reason = REASONS[status];
  const why = reason ? words.text(reason) : ((await sentence(answer)) ?? words.text('unsent-status', { status }));
  if (PASSING.includes(status) && entry.tries < TRIES_MAX) return rest(entry, words.text('trying-again', { why }));
  entry.passing = PASSING.includes(status);
  entry.orphan = NO_TARGET.includes(status);
  fail(entry, why, NOT_STORED.includes(status));
  const rename = document.getElementById('rename');
  if (status === 401 && rename && document.getElementById('namer')?.hidden) rename.click();
}

/** What the server's page says, in its own words. @param {Response} answer */
async function sentence(answer) {
  try {
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    return page.querySelector('.failure .why')?.textContent;
  } catch {
    return undefined;
  }
}

/** @param {Entry} entry @param {string} why */
function rest(entry, why) {
  entry.state = 'resting';
  say(entry, why);
  entry.row?.classList.add('late');
  entry.timer = setTimeout(post, Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (entry.tries - 1)), entry);
}

/** @param {Entry} entry @param {string} why @param {boolean} notStored */
function fail(entry, why, notStored) {
  entry.state = 'failed';
  clearTimeout(entry.timer);
  show(entry, 'unsent', words.text('not-sent', { why }));
  entry.row?.querySelector('.edit')?.toggleAttribute('hidden', !notStored);
  pump();
}

// It is durable. Its place is taken by the row that the stream brings.
/** @param {Entry} entry @param {string} location */
function arrived(entry, location) {
  forget(entry.key);
  entry.state = 'sent';
  say(entry, words.text('sent'));
  entry.row?.classList.remove('late');
  const id = location.split('#')[1] ?? '';
  entry.row?.setAttribute('data-sent', id);
  if (document.getElementById(id)) drop(entry);
  else entry.timer = setTimeout(drop, SHOWN_MS_MAX, entry);
  pump();
}

new MutationObserver(() => {
  for (const entry of [...entries]) {
    const id = entry.row?.dataset.sent;
    if (id && document.getElementById(id)) drop(entry);
  }
  head();
}).observe(messages, { childList: true });

/** @param {Entry} entry */
function again(entry) {
  // Whoever tries again wants it sent as who they are now.
  entry.author = composer.dataset.authorId ?? '';
  entry.at = Date.now();
  entry.tries = 0;
  entry.passing = false;
  entry.state = 'waiting';
  show(entry, 'pending', words.text('waiting'));
  const { key, content, author, at, replyTo } = entry;
  keep(kept().map((other) => (other.key === key ? { key, content, author, at, replyTo } : other)));
  pump();
}

// There is a connection: nobody should wait for the next try.
function hurry() {
  for (const entry of entries) if (entry.state === 'resting') post(entry);
  for (const entry of entries) if (entry.state === 'failed' && entry.passing) again(entry);
}

document.addEventListener('stream-back', hurry);
window.addEventListener('online', hurry);

document.addEventListener('text-send', ({ detail: { content, replyTo } }) => {
  const entry = { key: newKey(), content, author: composer.dataset.authorId ?? '', at: Date.now(), replyTo };
  keep([...kept(), entry]);
  queue(entry);
  pump();
});

outbox.addEventListener('click', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const entry = /** @type {Entry['row'] | null} */ (target.closest('li'))?.entry;
  if (!entry || entry.state !== 'failed') return;
  if (target.matches('.again')) return again(entry);
  if (!target.matches('.edit, .discard')) return;
  forget(entry.key);
  drop(entry);
  pump();
  if (!target.matches('.edit')) return;
  if (entry.replyTo && !entry.orphan) document.dispatchEvent(new CustomEvent('reply-back', { detail: entry.replyTo }));
  document.dispatchEvent(new CustomEvent('text-back', { detail: entry.content }));
});

// Another tab of this room has sent or discarded what this one shows too.
window.addEventListener('storage', ({ key }) => {
  if (key !== UNSENT) return;
  const left = kept().map((entry) => entry.key);
  for (const entry of [...entries]) if (entry.state !== 'sending' && !left.includes(entry.key)) drop(entry);
  pump();
});

for (const { key, content, author, at, replyTo } of kept()) {
  const target = replyTo === undefined ? undefined : String(Number(replyTo));
  queue({ key: String(key), content: String(content), author: String(author ?? ''), at: Number(at) || 0, replyTo: target });
}
pump();
