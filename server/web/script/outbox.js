// Messages on their way. A text is shown below the others from the moment it was written, and is kept, in the
// browser's storage too, until the server says that it is durable. Texts are sent one after the other, each
// under a key of its own, by which the server recognises one that is sent again: over a lost connection, a
// reload, a restart.

import { ask } from './ask.js';
import { authorId, isAuthorKnown, keyOfAuthor, whenAuthor } from './author.js';
import { base, cloneTemplate, composer, messages, outbox } from './dom.js';
import { focusField, putBack } from './draft.js';
import { localize } from './i18n.js';
import { quoteOf } from './quote.js';
import { reasonOf } from './refusal.js';
import { beginReply } from './reply.js';
import { load, save } from './storage.js';
import { whenReconnected } from './stream.js';

const TRIES_MAX = 5;
const FIRST_WAIT_MS = 1_000;
const WAIT_MS_MAX = 8_000;
// The server remembers keys for a day; later a text would be sent as a new one, and only its author may
// decide that.
const KEY_MS_MAX = 20 * 3_600_000;
// Limits how long a message is shown here that the server has and the list lacks: the stream is behind, or
// the message is in a hole.
const SHOWN_MS_MAX = 5_000;
// The causes of these statuses may pass by themselves.
const TEMPORARY = [429, 500, 502, 503, 504];
// After these the message is certainly not stored, so its text can be taken back and changed.
const NOT_STORED = [400, 401, 403, 404, 408, 410, 413, 415, 422, 429, 507];
// The message that it replies to is gone.
const NO_TARGET = [404, 410];
/** @type {Record<number, string>} */
const REASONS = {
  401: 'unsent-unknown',
  422: 'unsent-refused',
  429: 'unsent-fast',
  500: 'unsent-unclear',
  503: 'unsent-busy',
};

/** @type {Entry[]} */
const entries = [];

/** @param {string} [author] */
const keyOfUnsent = (author) => keyOfAuthor('unsent', author);

/** Returns what is kept in the browser, for all tabs of this room. @param {string} [author] */
function loadUnsent(author) {
  try {
    const list = JSON.parse(load(keyOfUnsent(author)) || '[]');
    return Array.isArray(list) ? list.filter((entry) => typeof entry?.content === 'string') : [];
  } catch {
    // Another program can have written there.
    return [];
  }
}

/** @param {{ key: string }[]} list @param {string} [author] */
function saveUnsent(list, author) {
  save(keyOfUnsent(author), list.length > 0 ? JSON.stringify(list) : '');
}

/** @param {Entry} entry */
function forget({ key, author }) {
  const left = loadUnsent(author).filter((entry) => entry.key !== key);
  saveUnsent(left, author);
}

/** Keeps a text that is on its way, at its place. Another tab may be sending the same draft.
 *  @param {Pick<Entry, 'key' | 'content' | 'author' | 'at' | 'replyTo'>} unsent */
function keep({ key, content, author, at, replyTo }) {
  const list = loadUnsent(author);
  const place = list.findIndex((other) => other.key === key);
  list[place < 0 ? list.length : place] = { key, content, author, at, replyTo };
  saveUnsent(list, author);
}

/** @param {Entry} entry @param {'pending' | 'unsent'} template @param {string} state */
function show(entry, template, state) {
  const row = /** @type {NonNullable<Entry['row']>} */ (cloneTemplate(template));
  /** @type {HTMLElement} */ (row.querySelector('.text')).textContent = entry.content;
  if (entry.replyTo) row.prepend(quoteOf(entry.replyTo));
  row.entry = entry;
  const hadFocus = entry.row?.contains(document.activeElement);
  if (entry.row) entry.row.replaceWith(row);
  else outbox.append(row);
  if (hadFocus) focusField();
  showHead();
  entry.row = row;
  showState(entry, state);
}

// Below another person's message, and in an empty list, what is on its way begins a group.
function showHead() {
  const last = /** @type {Row | null} */ (messages.querySelector(':scope > .msg:last-child'));
  if (last && last.dataset.authorId === composer.dataset.authorId) outbox.removeAttribute('data-name');
  else outbox.dataset.name = composer.dataset.authorName ?? '';
}

/** @param {Entry} entry @param {string} state */
function showState(entry, state) {
  const line = entry.row?.querySelector('.fate');
  if (line) line.textContent = state;
}

/** @param {Entry} entry */
function drop(entry) {
  clearTimeout(entry.timer);
  const hadFocus = entry.row?.contains(document.activeElement);
  entry.row?.remove();
  if (hadFocus) focusField();
  if (entries.includes(entry)) entries.splice(entries.indexOf(entry), 1);
}

/** @param {Pick<Entry, 'key' | 'content' | 'author' | 'at' | 'replyTo'>} unsent */
function queue({ key, content, author, at, replyTo }) {
  /** @type {Entry} */
  const entry = { key, content, author, at, replyTo, state: 'waiting', tries: 0, isTemporary: false };
  entries.push(entry);
  show(entry, 'pending', localize('waiting'));
}

// One at a time, so that they arrive in the order in which they were written: one that failed for a reason
// that may pass by itself holds up those after it.
function pump() {
  if (!isAuthorKnown()) return;
  if (entries.some(({ state, isTemporary }) => state === 'sending' || state === 'resting' || isTemporary)) return;
  const next = entries.find(({ state }) => state === 'waiting');
  if (next) post(next);
}

/** @param {Entry} entry */
async function post(entry) {
  const { key, content, replyTo } = entry;
  const me = authorId();
  clearTimeout(entry.timer);
  if (!isAuthorKnown()) return void (entry.state = 'waiting');
  if (entry.author !== '' && entry.author !== me) return fail(entry, localize('unsent-other-name'), true);
  if (Date.now() - entry.at > KEY_MS_MAX) return fail(entry, localize('unsent-old'), true);
  entry.state = 'sending';
  entry.tries += 1;
  showState(entry, localize('sending'));
  /** @type {Response} */
  let answer;
  try {
    const json = { content, key, reply_to: replyTo && Number(replyTo) };
    answer = await ask(`${base}/messages`, { method: 'POST', json });
  } catch {
    return retryLater(entry, localize('waiting-connection'));
  }
  if (answer.ok) return arrived(entry, answer.headers.get('Location') ?? '');
  const { status } = answer;
  const reason = REASONS[status];
  const said = reason ? localize(reason) : await reasonOf(answer).catch(() => undefined);
  const why = said ?? localize('unsent-status', { status });
  const isTemporary = TEMPORARY.includes(status);
  if (isTemporary && entry.tries < TRIES_MAX) return retryLater(entry, localize('trying-again', { why }));
  entry.isTemporary = isTemporary;
  entry.isOrphan = NO_TARGET.includes(status);
  fail(entry, why, NOT_STORED.includes(status));
  const rename = document.getElementById('rename');
  if (status === 401 && rename && document.getElementById('namer')?.hidden) rename.click();
}

/** @param {Entry} entry @param {string} why */
function retryLater(entry, why) {
  entry.state = 'resting';
  showState(entry, why);
  entry.row?.classList.add('late');
  entry.timer = setTimeout(post, Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (entry.tries - 1)), entry);
}

/** @param {Entry} entry @param {string} why @param {boolean} notStored */
function fail(entry, why, notStored) {
  entry.state = 'failed';
  clearTimeout(entry.timer);
  show(entry, 'unsent', localize('not-sent', { why }));
  entry.row?.querySelector('.edit')?.toggleAttribute('hidden', !notStored);
  pump();
}

// The message is durable. The row that the stream brings takes its place.
/** @param {Entry} entry @param {string} location */
function arrived(entry, location) {
  forget(entry);
  entry.state = 'sent';
  showState(entry, localize('sent'));
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
  showHead();
}).observe(messages, { childList: true });

/** @param {Entry} entry */
function retry(entry) {
  // The retry is sent under the name that its author has now.
  if (keyOfUnsent(authorId()) !== keyOfUnsent(entry.author)) forget(entry);
  entry.author = authorId();
  entry.at = Date.now();
  entry.tries = 0;
  entry.isTemporary = false;
  entry.state = 'waiting';
  show(entry, 'pending', localize('waiting'));
  keep(entry);
  pump();
}

// There is a connection again: no message should wait for its next try.
function retryNow() {
  for (const entry of entries) if (entry.state === 'resting') post(entry);
  for (const entry of entries) if (entry.state === 'failed' && entry.isTemporary) retry(entry);
}

whenReconnected(retryNow);
window.addEventListener('online', retryNow);

/** Sends a message, and again until the server has stored it.
 *  @param {string} content @param {string} key @param {string} [replyTo] */
export function send(content, key, replyTo) {
  const entry = { key, content, author: authorId(), at: Date.now(), replyTo };
  keep(entry);
  queue(entry);
  pump();
}

outbox.addEventListener('click', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const entry = /** @type {Entry['row'] | null} */ (target.closest('li'))?.entry;
  if (!entry || entry.state !== 'failed') return;
  if (target.matches('.again')) return retry(entry);
  if (!target.matches('.edit, .discard')) return;
  forget(entry);
  drop(entry);
  pump();
  if (!target.matches('.edit')) return;
  if (entry.replyTo && !entry.isOrphan) beginReply(entry.replyTo);
  putBack(entry.content);
});

// Another tab of this room has sent or discarded messages that this one shows too.
window.addEventListener('storage', ({ key }) => {
  if (key !== keyOfUnsent()) return;
  const left = loadUnsent().map((entry) => entry.key);
  for (const entry of [...entries]) if (entry.state !== 'sending' && !left.includes(entry.key)) drop(entry);
  pump();
});

function restore() {
  for (const { key, content, author, at, replyTo } of loadUnsent()) {
    if (entries.some((entry) => entry.key === String(key))) continue;
    queue({
      key: String(key),
      content: String(content),
      author: String(author ?? ''),
      at: Number(at) || 0,
      replyTo: replyTo === undefined ? undefined : String(Number(replyTo)),
    });
  }
  pump();
}

whenAuthor(restore);
restore();
