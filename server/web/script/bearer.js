// Who writes in a panel. A guest's token is the one that the server gave with the name; it is kept in this frame's own
// storage, which the browser keeps apart for each site around it, or only here where there is no storage. The token of
// a user is held by this document alone: of somebody for whom the site vouches (`identify`), or who signed in in a
// window (`sign-in`). It goes with every request of the panel. No cookie does.

import { base, isPanel } from './dom.js';
import { load, save } from './storage.js';

const PERSON = 'millchat:panel';
// The server makes a token new that is a week old.
const RENEW_MS_MIN = 24 * 3_600_000;

/** @typedef {{ token: string, at: number }} Person */
/** @type {Person | undefined} */
let person = isPanel ? (read(load(PERSON)) ?? carried()) : undefined;

/** @param {string} text @returns {Person | undefined} */
function read(text) {
  try {
    const { token, at } = JSON.parse(text);
    return typeof token === 'string' && typeof at === 'number' ? { token, at } : undefined;
  } catch {
    // There is none, or another program has written there.
    return undefined;
  }
}

/** Returns what the document before this one has left for it, and removes it. */
function carried() {
  const { state } = history;
  if (state?.carried === undefined) return undefined;
  history.replaceState(null, '');
  return read(String(state.carried));
}

/** The token of a user. */
let held = '';
/** The page around the panel says later who reads it. */
let isAwaited = isPanel && window.parent !== window && new URLSearchParams(location.search).has('vouched');

/** Returns whether there is a token. */
export const hasToken = () => held !== '' || person !== undefined;

/** Returns the token of a guest, if there is one. */
export const guestToken = () => person?.token;

/** Returns the token of a user, or nothing. */
export const heldToken = () => held;

/** Returns whether the page around the panel still has to say who reads it. */
export const isReaderAwaited = () => isAwaited;

/** Holds the token of a user; an empty one is none. Nobody is waited for any more. @param {string} token */
export function holdToken(token) {
  held = token;
  isAwaited = false;
}

/** Returns whether the browser keeps it. Nobody expects that of the token of a user. */
export const isKept = () => held !== '' || load(PERSON) !== '';

/** Keeps a token; an empty one is none. @param {string} token */
export function keepToken(token) {
  person = token ? { token, at: Date.now() } : undefined;
  save(PERSON, person ? JSON.stringify(person) : '');
}

/** Goes to another address of the panel. Where the browser keeps nothing, the token of a guest goes along in the state
 *  of this one entry of the frame's history, which no other origin can read and the next document removes.
 *  @param {string} address */
export function goTo(address) {
  if (person === undefined || load(PERSON)) return location.replace(address);
  history.replaceState({ carried: JSON.stringify(person) }, '', address);
  location.reload();
}

/** Asks the server about who one is in this panel. @param {string} method @param {Record<string, string>} [fields] */
export const askWho = (method, fields) =>
  fetch(`${base}/name`, { method, body: fields && new URLSearchParams(fields) });

/** Gives a name, and keeps the token of it. Without a name the token is made new when it is old enough. Returns the
 *  answer if there is none. @param {string} [name] */
export async function giveName(name) {
  const answer = await askWho('POST', name === undefined ? {} : { name });
  if (!answer.ok) return answer;
  const { token } = await answer.json();
  keepToken(token);
  return undefined;
}

if (isPanel) {
  const plain = window.fetch.bind(window);
  window.fetch = (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    if (url.origin !== location.origin || !url.pathname.startsWith('/embed/')) return plain(input, init);
    const headers = new Headers(init.headers);
    headers.set('Accept-Language', document.documentElement.lang);
    const token = held || person?.token;
    if (token) headers.set('Authorization', `Bearer ${token}`);
    return plain(input, { ...init, headers, credentials: 'omit' });
  };
  // Another panel of this browser has a name; the foot is fetched again by `people`.
  window.addEventListener('storage', ({ key, newValue }) => {
    if (key === PERSON) person = read(newValue ?? '');
  });
  // The answer to a name that the client sent.
  document.addEventListener('datastar-fetch', ({ detail: { type, argsRaw } }) => {
    if (type === 'datastar-token') keepToken(argsRaw.token);
  });
  if (person && !isAwaited && Date.now() - person.at > RENEW_MS_MIN) giveName().catch(() => {});
}
