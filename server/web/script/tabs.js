// One connection for all tabs of this browser, since it has six to a host and a tab holds one for as long as it is
// open. The tab that holds a lock has the connection: it asks the others for their places, opens one stream of all
// their rooms, says from which places, and hands on what is not its own. A tab takes what belongs to a stream that
// began no later than its own place, and of them what it has not had. When the tab with the
// connection is closed another gets the lock and goes on from the same places. One that does not answer, since the
// browser froze it, loses the lock to one that waits for it.
//
// Where the browser has no locks (they are there by TLS, and on this machine) each tab has its own connection.

const LINE = 'millchat:line';
const TAB = 'millchat:tab:';
// The server's limit.
const ROOMS_MAX = 32;
// How long the other tabs have to say their places. Whoever is too late is let in when they do.
const ROLL_MS_MAX = 300;
// How long a tab waits for a word of the one that has the connection.
const WORD_MS_MAX = 5_000;
// Within so long a connection that was just opened is not opened again because it had been lost.
const TRY_MS_MAX = 10_000;
const WATCH_EVERY_MS = 5_000;
// A place of no log: from there on the server begins anew.
const NOWHERE = '00000000-0';

const room = document.body.dataset.room ?? '';
const stream = document.getElementById('stream');
const id = `${Math.random()}`;
const channel = navigator.locks && window.BroadcastChannel ? new BroadcastChannel('millchat') : undefined;

let shownAt = document.hidden ? 0 : Date.now();
/** Nobody has answered since this was set. @type {number | undefined} */
let wordTimer;
/** The stream that this tab takes events of. @type {number[]} */
let taken = [0, 0];
/** The list begins anew: what comes next is what it holds. */
let anew = false;
/** Since when a tab had the connection, the latest that was heard of. */
let latest = 0;

// Of the tab that has the connection:
let leading = false;
/** Since when, and which of its streams it is: the later counts. */
let number = [0, 0];
/** @type {AbortController | undefined} */
let line;
/** The rooms of the stream, and where it began. @type {Map<string, string>} */
let open = new Map();
let openedAt = 0;
/** Where the events that come now belong to. */
let current = room;
/** The other tabs as far as they have said where they are. @type {Map<string, Here>} */
const here = new Map();
let rolls = 0;
let rolling = false;
let alone = true;

/** @returns {Here} */
const self = () => ({ kind: 'here', id, room, place: stream.dataset.place ?? '', shownAt });

/** @param {TabMessage} message */
const tell = (message) => channel?.postMessage(message);

/** @param {number[]} one @param {number[]} other */
const isLater = (one, other) => one[0] > other[0] || (one[0] === other[0] && one[1] > other[1]);

/** Whether what comes after `from` is all that `place` is in want of. @param {string | undefined} from @param {string} place */
function covers(from, place) {
  if (from === undefined || from === NOWHERE) return from === NOWHERE;
  const [epoch, at] = from.split('-');
  const [ownEpoch, ownAt] = place.split('-');
  return epoch === ownEpoch && Number(at) <= Number(ownAt);
}

/** A place that covers both. @param {string} one @param {string} other */
function before(one, other) {
  if (covers(one, other)) return one;
  return covers(other, one) ? other : NOWHERE;
}

// A stream may begin before this tab's place, for the sake of another tab. What this one has had is not put in again: its
// rows may have been taken out of the page, or never have been in it.
/** @param {string} type @param {Record<string, string>} argsRaw */
function isPast(type, { selector, mode, elements, signals }) {
  const [epoch, at] = self().place.split('-');
  if (type === 'datastar-patch-signals') {
    const [, ofEpoch, place] = /^\{"_place":"([0-9a-f]+)-(\d+)"\}$/.exec(signals ?? '') ?? [];
    const isBack = !anew && ofEpoch === epoch && Number(place) < Number(at);
    if (place !== undefined) anew = false;
    return isBack;
  }
  if (!selector?.startsWith('#messages') || !['append', 'inner'].includes(mode)) return false;
  const [, row] = /^<li [^>]*(?:data-position="|id="gap-)(\d+)"/.exec(elements ?? '') ?? [];
  if (row === undefined) anew ||= mode === 'inner';
  return !anew && row !== undefined && Number(row) <= Number(at);
}

/** The other tabs, by their locks: those go with the tab, however it ends. */
async function others() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const tabs = held.flatMap(({ name = '' }) => (name.startsWith(TAB) ? [name.slice(TAB.length).split(':')] : []));
  return tabs.filter(([, other]) => other !== id).map(([room, other]) => ({ room, id: other }));
}

// Waits for the others to say where they are. A place that was said before will do: from there on is more than enough.
/** @param {{ id: string }[]} tabs */
function answers(tabs) {
  const missing = new Set(tabs.map((tab) => tab.id));
  return new Promise((done) => {
    const take = (/** @type {MessageEvent<TabMessage>} */ { data }) => {
      if (data.kind === 'here') missing.delete(data.id);
      if (missing.size === 0) end();
    };
    const timer = setTimeout(end, ROLL_MS_MAX);
    function end() {
      clearTimeout(timer);
      channel?.removeEventListener('message', take);
      done(undefined);
    }
    channel?.addEventListener('message', take);
    tell({ kind: 'roll' });
  });
}

// Asks the others where they are, and opens one stream for all.
async function roll() {
  const turn = ++rolls;
  rolling = true;
  const known = [...here.keys()];
  const tabs = channel ? await others() : [];
  // One that came while the locks were looked at is not among them.
  for (const id of known) if (!tabs.some((tab) => tab.id === id)) here.delete(id);
  alone = tabs.length === 0 && here.size === 0;
  if (!alone) await answers(tabs);
  if (turn !== rolls) return;
  rolling = false;
  if (leading) connect();
}

function connect() {
  const place = self().place;
  open = new Map([[room, place]]);
  for (const tab of [...here.values()].sort((one, other) => other.shownAt - one.shownAt)) {
    const from = open.get(tab.room);
    if (from !== undefined) open.set(tab.room, before(from, tab.place));
    else if (open.size < ROOMS_MAX) open.set(tab.room, tab.place);
  }
  hangUp();
  line = new AbortController();
  openedAt = Date.now();
  number = [number[0], number[1] + 1];
  taken = number;
  tell({ kind: 'opened', number, open });
  const also = [...open].slice(1).map(([room, place]) => `also=${room}:${place}`);
  const url = `/${room}/messages${also.length > 0 ? `?${also.join('&')}` : ''}`;
  stream.dispatchEvent(new CustomEvent('open', { detail: { url, place: open.get(room), until: line } }));
}

function hangUp() {
  line?.abort();
  line = undefined;
}

/** @param {'lost' | 'changed'} why */
function reopen(why) {
  if (!leading) {
    tell({ kind: 'reopen', why });
    expectWord();
  } else if (why === 'changed' || Date.now() - openedAt > TRY_MS_MAX || line === undefined) {
    roll();
  }
}

// A tab that has the connection and says nothing is frozen, or not there any more.
function expectWord() {
  clearTimeout(wordTimer);
  wordTimer = setTimeout(() => wait({ steal: true }), WORD_MS_MAX);
}

function resign() {
  leading = false;
  hangUp();
}

/** Has the connection from when the lock is given until it is taken away. @param {LockOptions} [how] */
async function wait(how = {}) {
  try {
    await navigator.locks.request(LINE, how, () => {
      clearTimeout(wordTimer);
      leading = true;
      // Clocks step back.
      latest = Math.max(Date.now(), latest + 1);
      number = [latest, 0];
      roll();
      return new Promise(() => {});
    });
  } catch {
    resign();
    // Who took the lock away waits for it still, in the ordinary way.
    if (!how.steal) wait();
  }
}

// What comes on the connection: for this room, or for another tab.
window.addEventListener(
  'datastar-fetch',
  (event) => {
    const { el, type, argsRaw } = event.detail;
    if (el !== stream || line === undefined) return;
    if (type === 'started') current = room;
    if (type === 'retrying') {
      // The client would come back by itself with the last id it saw, and that may be another room's.
      queueMicrotask(hangUp);
      for (const room of open.keys()) tell({ kind: 'event', number, room, type, argsRaw: {} });
    } else if (type === 'datastar-room') {
      current = argsRaw.room;
    } else if (type.startsWith('datastar-patch-')) {
      if (!alone) tell({ kind: 'event', number, room: current, type, argsRaw });
      if (current !== room || isPast(type, argsRaw)) event.stopImmediatePropagation();
    }
  },
  true,
);

// Another tab has opened a stream. Whoever had the connection has it no more; whoever is further back says so.
/** @param {number[]} opened @param {Map<string, string>} open */
function follow(opened, open) {
  latest = Math.max(latest, opened[0]);
  if (!isLater(opened, leading ? number : taken)) return;
  if (leading) resign();
  clearTimeout(wordTimer);
  const from = open.get(room);
  if (covers(from, self().place)) taken = opened;
  else if (from !== undefined) tell(self());
}

// A tab that was not there when the stream was opened has not heard what came since.
/** @param {Here} tab */
function note(tab) {
  const known = here.get(tab.id);
  here.set(tab.id, tab);
  if (!leading || rolling || (known && covers(open.get(tab.room), tab.place))) return;
  const isLeftOut = open.size === ROOMS_MAX && !open.has(tab.room);
  if (!known || !isLeftOut || tab.shownAt > known.shownAt) roll();
}

channel?.addEventListener('message', (/** @type {MessageEvent<TabMessage>} */ { data }) => {
  if (data.kind === 'event') {
    if (isLater(data.number, taken) || isLater(taken, data.number)) return;
    clearTimeout(wordTimer);
    if (data.room !== room) return;
    const { type, argsRaw } = data;
    if (isPast(type, argsRaw)) return;
    document.dispatchEvent(new CustomEvent('datastar-fetch', { detail: { type, el: stream, argsRaw } }));
  } else if (data.kind === 'opened') {
    follow(data.number, data.open);
  } else if (data.kind === 'roll') {
    clearTimeout(wordTimer);
    // Before the client has read the page there is no place to say.
    if (stream.dataset.place) tell(self());
  } else if (data.kind === 'here') {
    note(data);
  } else if (data.kind === 'gone') {
    here.delete(data.id);
    look();
  } else if (data.kind === 'word') {
    clearTimeout(wordTimer);
  } else if (leading) {
    tell({ kind: 'word' });
    reopen(data.why);
  }
});

// Rooms that nobody has open any more are left, so that nobody is shown to be there.
async function look() {
  if (!leading || !channel) return;
  const rooms = new Set((await others()).map((tab) => tab.room)).add(room);
  if ([...open.keys()].some((room) => !rooms.has(room))) roll();
}

/** Says that this tab is there, or looked at again. */
function come() {
  tell(self());
  if (!leading) expectWord();
}

stream.addEventListener('reopen', (event) => reopen(/** @type {CustomEvent} */ (event).detail));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  shownAt = Date.now();
  tell(self());
});
window.addEventListener('pagehide', () => tell({ kind: 'gone', id }));
window.addEventListener('pageshow', ({ persisted }) => persisted && come());

function begin() {
  if (!channel) {
    leading = true;
    roll();
    return;
  }
  navigator.locks.request(`${TAB}${room}:${id}`, () => {
    come();
    wait();
    return new Promise(() => {});
  });
  setInterval(look, WATCH_EVERY_MS);
}

// The client has read the page once it has put the place there.
if (stream.dataset.place) begin();
else {
  const ready = new MutationObserver(() => {
    ready.disconnect();
    begin();
  });
  ready.observe(stream, { attributeFilter: ['data-place'] });
}
