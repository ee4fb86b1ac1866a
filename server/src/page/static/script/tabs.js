// One connection for all tabs of this browser, since it has six to a host and a tab holds one for as long as it is
// open. The tab that holds a lock has the connection: it asks the others for their places, opens one stream of all
// their rooms, and hands on what is not its own; they take it as if it were theirs. When that tab is closed another
// gets the lock and goes on from the same places, so nothing is missing; what comes twice is put in once. A tab that
// does not answer, since the browser froze it, loses the lock to one that waits for it.
//
// Where the browser has no locks (they are there by TLS, and on this machine) each tab has its own connection.

const LINE = 'millchat:line';
const TAB = 'millchat:tab:';
// The server's limit, less our own room.
const ALSO_MAX = 31;
// How long the other tabs have to say their places. Whoever is too late is let in when they ask.
const ROLL_MS_MAX = 300;
// How long a tab waits for a word of the one that has the connection.
const WORD_MS_MAX = 5_000;
// Within so long a connection that was just opened is not opened again because it had been lost.
const TRY_MS_MAX = 10_000;
const WATCH_EVERY_MS = 5_000;

const room = document.body.dataset.room ?? '';
const stream = document.getElementById('stream');
const id = `${Math.random()}`;
const channel = navigator.locks && 'BroadcastChannel' in window ? new BroadcastChannel('millchat') : undefined;

let leading = false;
/** Where the events that come now belong to. */
let current = room;
/** The rooms of the connection. @type {Set<string>} */
let open = new Set();
let openedAt = 0;
let shownAt = document.hidden ? 0 : Date.now();
let rolls = 0;
let rolling = false;
/** The other tabs as far as they have said where they are. @type {Map<string, Here>} */
const here = new Map();
/** @type {AbortController | undefined} */
let line;
/** Nobody has answered since this was set. @type {number | undefined} */
let wordTimer;

/** @returns {Here} */
const self = () => ({ kind: 'here', id, room, place: stream.dataset.place ?? '', shownAt });

/** @param {TabMessage} message */
const tell = (message) => channel?.postMessage(message);

/** The other tabs, by their locks: those go with the tab, however it ends. */
async function others() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const tabs = held.flatMap(({ name = '' }) => (name.startsWith(TAB) ? [name.slice(TAB.length).split(':')] : []));
  return tabs.filter(([, other]) => other !== id).map(([room, other]) => ({ room, id: other }));
}

/** The place that comes first in the log. @param {string} one @param {string} other */
function first(one, other) {
  const at = (/** @type {string} */ place) => Number(place.split('-')[1]);
  return at(other) < at(one) ? other : one;
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
  const tabs = channel ? await others() : [];
  for (const id of here.keys()) if (!tabs.some((tab) => tab.id === id)) here.delete(id);
  if (tabs.length > 0) await answers(tabs);
  if (turn !== rolls) return;
  rolling = false;
  if (leading) connect();
}

function connect() {
  /** @type {Map<string, string>} */
  const places = new Map([[room, self().place]]);
  const latest = [...here.values()].sort((one, other) => other.shownAt - one.shownAt);
  for (const tab of latest) {
    const known = places.get(tab.room);
    if (known !== undefined) places.set(tab.room, first(known, tab.place));
    else if (places.size <= ALSO_MAX) places.set(tab.room, tab.place);
  }
  line?.abort();
  line = new AbortController();
  openedAt = Date.now();
  open = new Set(places.keys());
  const place = places.get(room);
  places.delete(room);
  const also = [...places].map(([room, place]) => `also=${room}:${place}`).join('&');
  const url = `/${room}/messages${also && `?${also}`}`;
  stream.dispatchEvent(new CustomEvent('open', { detail: { url, place, until: line } }));
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

/** Has the connection from when the lock is given until it is taken away. @param {LockOptions} [how] */
async function wait(how = {}) {
  try {
    await navigator.locks.request(LINE, how, () => {
      clearTimeout(wordTimer);
      leading = true;
      roll();
      return new Promise(() => {});
    });
  } catch {
    leading = false;
    line?.abort();
    line = undefined;
    // Who took the lock away waits for it still, in the ordinary way.
    if (!how.steal) wait();
  }
}

// What comes on the connection: for this room, or for another tab.
window.addEventListener(
  'datastar-fetch',
  (event) => {
    const { el, type, argsRaw } = event.detail;
    if (el !== stream || !leading) return;
    if (type === 'started') current = room;
    if (type === 'retrying') {
      // The client would come back by itself with the last id it saw, and that may be another room's.
      const lost = line;
      line = undefined;
      queueMicrotask(() => lost?.abort());
      for (const room of open) tell({ kind: 'event', room, type, argsRaw: {} });
    } else if (type === 'datastar-room') {
      current = argsRaw.room;
    } else if (type.startsWith('datastar-patch-')) {
      if (here.size > 0) tell({ kind: 'event', room: current, type, argsRaw });
      if (current !== room) event.stopImmediatePropagation();
    }
  },
  true,
);

channel?.addEventListener('message', (/** @type {MessageEvent<TabMessage>} */ { data }) => {
  if (data.kind === 'event') {
    if (leading || !data.room) return;
    clearTimeout(wordTimer);
    if (data.room !== room) return;
    const { type, argsRaw } = data;
    document.dispatchEvent(new CustomEvent('datastar-fetch', { detail: { type, el: stream, argsRaw } }));
  } else if (data.kind === 'roll') {
    clearTimeout(wordTimer);
    tell(self());
  } else if (data.kind === 'here') {
    const late = leading && !rolling && !here.has(data.id);
    here.set(data.id, data);
    if (late) roll();
  } else if (data.kind === 'came') {
    if (leading) roll();
  } else if (data.kind === 'gone') {
    here.delete(data.id);
    if (leading) look();
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
  if ([...open].some((room) => !rooms.has(room))) roll();
}

/** Says that this tab is there, or there again. */
function come() {
  shownAt = Date.now();
  if (leading) return;
  tell({ kind: 'came' });
  expectWord();
}

stream.addEventListener('reopen', (event) => reopen(/** @type {CustomEvent} */ (event).detail));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) shownAt = Date.now();
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
