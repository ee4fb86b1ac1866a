// One connection for all tabs of this browser, since a browser has six to a host and a tab holds one for as
// long as it is open. The tab that holds a lock leads: it calls the roll, so that the others answer with
// their places, opens one stream of all their rooms from these places, and passes on the events of the
// others. A tab takes the events of a stream that began no later than its own place, and of them those that
// it has not had. When the leading tab is closed another one gets the lock and goes on from the same places.
// A leader that does not acknowledge, since the browser froze it, loses the lock to a tab that waits for it.
//
// In a browser without locks (it has them by TLS, and on this machine, unless it keeps nothing for the site) each
// tab has its own connection.

import { authorId, isAuthorKnown, whenAuthor } from './author.js';
import { heldToken, isReaderAwaited } from './bearer.js';
import { base, isPanel, room, stream } from './dom.js';
import { covers, earlier, isPassed, positionAt } from './place.js';

// The panels of a browser are somebody else than its pages; and those of a user share no stream with those of others.
const PAGES = 'millchat:';
// The server's limit.
const ROOMS_MAX = 32;
// The time that the other tabs have to answer a roll-call. A tab that is later joins when it answers.
const ROLL_CALL_MS_MAX = 300;
// The time that the leader has to acknowledge.
const ACK_MS_MAX = 5_000;
// For this time a connection that was just opened is not opened again because the one before was lost.
const TRY_MS_MAX = 10_000;
const CHECK_EVERY_MS = 5_000;

const id = `${Math.random()}`;
/** The beginning of the names of the lock and the channel; nothing before it is known whose they are. */
let scope = isPanel ? '' : PAGES;
/** Ends what holds the locks of this tab. */
let leaving = new AbortController();
let channel = scope ? openChannel() : undefined;

/** The tabs of this browser share one connection. */
export const isShared = () => channel !== undefined;

let shownAt = document.hidden ? 0 : Date.now();
/** Runs until the leader acknowledges. @type {number | undefined} */
let ackTimer;
/** The stream whose events this tab takes. @type {number[]} */
let followed = [0, 0];
/** The list was emptied: the next rows are all that it holds. */
let isReset = false;
/** The latest time at which a tab became the leader, as far as this tab knows. */
let latest = 0;

// State of the leader:
let isLeading = false;
/** The time at which it became the leader, and the count of its streams: the later stream counts. */
let number = [0, 0];
/** @type {AbortController | undefined} */
let connection;
/** The rooms of the stream, and the places where it began. @type {Map<string, string>} */
let open = new Map();
let openedAt = 0;
/** The room that the next events belong to. */
let current = room;
/** The other tabs that have answered. @type {Map<string, TabPlace>} */
const answered = new Map();
let rollCalls = 0;
let isCallingRoll = false;
let isAlone = true;
let isStarted = false;
/** The browser keeps the page for the way back to it. */
let isKept = false;

function openChannel() {
  try {
    if (!navigator.locks || !window.BroadcastChannel) return undefined;
    const opened = new BroadcastChannel(`${scope}tabs`);
    opened.addEventListener('message', take);
    return opened;
  } catch {
    return undefined;
  }
}

/** Returns whether the page has a place in the log, from which a stream goes on. */
export function hasPlace() {
  return Boolean(stream.dataset.place);
}

/** @returns {TabPlace} */
const self = () => ({ kind: 'here', id, room, place: stream.dataset.place ?? '', shownAt });

/** @param {TabMessage} message */
const post = (message) => channel?.postMessage(message);

/** @param {number[]} one @param {number[]} other */
const isLater = (one, other) => one[0] > other[0] || (one[0] === other[0] && one[1] > other[1]);

// A stream may begin before this tab's place, for the sake of another tab. Rows that this tab has had are not
// added again: they may have been removed from the page, or never have been in it.
/** @param {string} type @param {Record<string, string>} argsRaw */
function isPast(type, { selector, mode, position, signals }) {
  const { place } = self();
  if (type === 'datastar-patch-signals') {
    /** @type {{ _place?: string }} */
    const { _place: next } = JSON.parse(signals);
    if (next === undefined) return false;
    const isBack = !isReset && isPassed(next, place);
    isReset = false;
    return isBack;
  }
  if (position !== undefined) return !isReset && Number(position) <= positionAt(place);
  if (selector === '#messages' && mode === 'inner') isReset = true;
  return false;
}

/** Returns the other tabs by their locks, which end with the tab, however it ends. */
async function others() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const tab = `${scope}tab:`;
  const tabs = held.flatMap(({ name = '' }) => (name.startsWith(tab) ? [name.slice(tab.length).split(':')] : []));
  return tabs.filter(([, other]) => other !== id).map(([room, other]) => ({ room, id: other }));
}

// Waits until the others have said their places. An older place of a tab will do: a stream from there has
// more than enough.
/** @param {{ id: string }[]} tabs */
function answers(tabs) {
  const missing = new Set(tabs.map((tab) => tab.id));
  return new Promise((done) => {
    const take = (/** @type {MessageEvent<TabMessage>} */ { data }) => {
      if (data.kind === 'here') missing.delete(data.id);
      if (missing.size === 0) end();
    };
    const timer = setTimeout(end, ROLL_CALL_MS_MAX);
    function end() {
      clearTimeout(timer);
      channel?.removeEventListener('message', take);
      done(undefined);
    }
    channel?.addEventListener('message', take);
    post({ kind: 'roll-call' });
  });
}

// Asks the others for their places, and opens one stream for all.
async function callRoll() {
  const turn = ++rollCalls;
  isCallingRoll = true;
  const known = [...answered.keys()];
  const tabs = channel ? await others() : [];
  // A tab that was opened while the locks were read is not among them.
  for (const id of known) if (!tabs.some((tab) => tab.id === id)) answered.delete(id);
  isAlone = tabs.length === 0 && answered.size === 0;
  if (!isAlone) await answers(tabs);
  if (turn !== rollCalls) return;
  isCallingRoll = false;
  if (isLeading) connect();
}

function connect() {
  const place = self().place;
  open = new Map([[room, place]]);
  for (const tab of [...answered.values()].sort((one, other) => other.shownAt - one.shownAt)) {
    const from = open.get(tab.room);
    if (from !== undefined) open.set(tab.room, earlier(from, tab.place));
    else if (open.size < ROOMS_MAX) open.set(tab.room, tab.place);
  }
  hangUp();
  connection = new AbortController();
  openedAt = Date.now();
  number = [number[0], number[1] + 1];
  followed = number;
  post({ kind: 'opened', number, open });
  const also = [...open].slice(1).map(([room, place]) => `also=${room}:${place}`);
  const url = `${base}/messages${also.length > 0 ? `?${also.join('&')}` : ''}`;
  stream.dispatchEvent(new CustomEvent('open', { detail: { url, place: open.get(room), until: connection } }));
}

function hangUp() {
  connection?.abort();
  connection = undefined;
}

/** Has the stream opened again, because it was lost or because the reader or the network changed.
 *  @param {'lost' | 'changed'} why */
export function reopenStream(why) {
  // A panel of which nothing is shown yet has no stream.
  if (!hasPlace()) return;
  if (!isLeading) {
    post({ kind: 'reopen', why });
    expectAck();
  } else if (why === 'changed' || Date.now() - openedAt > TRY_MS_MAX || connection === undefined) {
    callRoll();
  }
}

// A leader that does not acknowledge is frozen, or gone.
function expectAck() {
  clearTimeout(ackTimer);
  ackTimer = setTimeout(() => wait({ steal: true }), ACK_MS_MAX);
}

function resign() {
  isLeading = false;
  hangUp();
}

/** Holds a lock until this tab leaves. @param {AbortSignal} left */
const hold = (left) => new Promise((_, end) => left.addEventListener('abort', end));

/** Leads from the time that the lock is granted until it is taken away. @param {LockOptions} [how] */
async function wait(how = {}) {
  const left = leaving.signal;
  try {
    await navigator.locks.request(`${scope}leader`, how, () => {
      if (left.aborted) return undefined;
      clearTimeout(ackTimer);
      isLeading = true;
      // Clocks step back.
      latest = Math.max(Date.now(), latest + 1);
      number = [latest, 0];
      callRoll();
      return hold(left);
    });
  } catch {
    if (left.aborted) return;
    resign();
    // Wait for the lock again, in the ordinary way.
    if (!how.steal) wait();
  }
}

// Events of the connection: for this room, or for another tab.
window.addEventListener(
  'datastar-fetch',
  (event) => {
    const { el, type, argsRaw } = event.detail;
    if (el !== stream || connection === undefined) return;
    if (type === 'started') current = room;
    if (type === 'retrying') {
      // The client would come back by itself with the last id it saw, which may be another room's.
      queueMicrotask(hangUp);
      for (const room of open.keys()) post({ kind: 'event', number, room, type, argsRaw: {} });
    } else if (type === 'datastar-room') {
      current = argsRaw.room;
    } else if (type.startsWith('datastar-patch-')) {
      if (!isAlone) post({ kind: 'event', number, room: current, type, argsRaw });
      if (current !== room || isPast(type, argsRaw)) event.stopImmediatePropagation();
    }
  },
  true,
);

// Another tab has opened a stream. A leader before it leads no more; a tab whose place is earlier says so.
/** @param {number[]} opened @param {Map<string, string>} open */
function follow(opened, open) {
  latest = Math.max(latest, opened[0]);
  if (!isLater(opened, isLeading ? number : followed)) return;
  if (isLeading) resign();
  clearTimeout(ackTimer);
  const from = open.get(room);
  if (covers(from, self().place)) followed = opened;
  else if (from !== undefined) post(self());
}

// A tab that did not exist when the stream was opened has not received the events since.
/** @param {TabPlace} tab */
function addTab(tab) {
  const known = answered.get(tab.id);
  answered.set(tab.id, tab);
  if (!isLeading || isCallingRoll || (known && covers(open.get(tab.room), tab.place))) return;
  const isLeftOut = open.size === ROOMS_MAX && !open.has(tab.room);
  if (!known || !isLeftOut || tab.shownAt > known.shownAt) callRoll();
}

/** @param {MessageEvent<TabMessage>} event */
function take({ data }) {
  if (data.kind === 'event') {
    if (isLater(data.number, followed) || isLater(followed, data.number)) return;
    clearTimeout(ackTimer);
    if (data.room !== room) return;
    const { type, argsRaw } = data;
    if (isPast(type, argsRaw)) return;
    document.dispatchEvent(new CustomEvent('datastar-fetch', { detail: { type, el: stream, argsRaw } }));
  } else if (data.kind === 'opened') {
    follow(data.number, data.open);
  } else if (data.kind === 'roll-call') {
    clearTimeout(ackTimer);
    // Before the client has read the page this tab has no place.
    if (hasPlace()) post(self());
  } else if (data.kind === 'here') {
    addTab(data);
  } else if (data.kind === 'gone') {
    answered.delete(data.id);
    leaveClosedRooms();
  } else if (data.kind === 'ack') {
    clearTimeout(ackTimer);
  } else if (isLeading) {
    post({ kind: 'ack' });
    reopenStream(data.why);
  }
}

// Leaves rooms that no tab has open any more, so that the reader is not shown to be there.
async function leaveClosedRooms() {
  if (!isLeading || !channel) return;
  const rooms = new Set((await others()).map((tab) => tab.room)).add(room);
  if ([...open.keys()].some((room) => !rooms.has(room))) callRoll();
}

/** Says that this tab is open, or shown again. */
function announce() {
  post(self());
  if (!isLeading) expectAck();
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  shownAt = Date.now();
  post(self());
});
// A page that the browser keeps for the way back has no stream and no lock: with them it would not be kept.
window.addEventListener('pagehide', () => {
  leave();
  isKept = true;
});
window.addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return;
  isKept = isStarted = false;
  channel = scope ? openChannel() : undefined;
  start();
});

function beAlone() {
  channel?.close();
  channel = undefined;
  isLeading = true;
  callRoll();
}

async function begin() {
  const left = leaving.signal;
  if (!channel) return beAlone();
  try {
    await navigator.locks.request(`${scope}tab:${room}:${id}`, () => {
      if (left.aborted) return undefined;
      announce();
      wait();
      return hold(left);
    });
  } catch {
    // A browser that keeps nothing for this site refuses locks.
    if (!left.aborted) beAlone();
  }
}

/** Leaves the tabs, with the stream and the locks. */
function leave() {
  if (!scope) return;
  post({ kind: 'gone', id });
  leaving.abort();
  leaving = new AbortController();
  channel?.close();
  clearTimeout(ackTimer);
  resign();
  rollCalls += 1;
  isCallingRoll = false;
  answered.clear();
  followed = [0, 0];
}

// The client has read the page once it has set the place. That of a panel is empty until its reader is known, and what
// a user holds in it is not for the tabs of a guest.
function start() {
  if (isKept || !hasPlace() || isReaderAwaited() || (heldToken() && !isAuthorKnown())) return;
  const next = isPanel ? `millchat:panel-${heldToken() && authorId()}-` : PAGES;
  if (isStarted && next === scope) return;
  if (next !== scope) {
    leave();
    scope = next;
    channel = openChannel();
  }
  isStarted = true;
  begin();
}

setInterval(leaveClosedRooms, CHECK_EVERY_MS);
whenAuthor(start);
new MutationObserver(start).observe(stream, { attributeFilter: ['data-place'] });
start();
