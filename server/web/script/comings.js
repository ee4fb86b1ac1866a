// Who came and who went, for a moment, in the line where it is said who types. The server gathers what changes in a
// second into one list; a crowd, of which the list names only a part, is counted in the header and no more.

const SHOWN_MS = 4_000;
// Whoever loads the page anew, or has a bad line, has not gone.
const GONE_AFTER_MS = 5_000;
const NAMED_MAX = 3;

const people = document.getElementById('people');
const composer = document.getElementById('composer');
const comings = document.getElementById('comings');
const listed = new Intl.ListFormat(words.locale);
/** Those who are missing, and when that is said. @type {Map<string, number>} */
const missing = new Map();
/** Names by id. @type {Map<string, string>} */
let here = read();
/** @type {number | undefined} */
let timer;

/** @returns {Map<string, string>} */
function read() {
  const rows = /** @type {NodeListOf<HTMLElement>} */ (people.querySelectorAll('#presence [data-author-id]'));
  const named = [...rows].map((row) => [row.dataset.authorId ?? '', row.querySelector('.name')?.textContent ?? '']);
  return new Map(/** @type {[string, string][]} */ (named));
}

const isCrowd = () => people.querySelector('#presence > ul ~ p') !== null && here.size > 0;

/** @param {'joined' | 'left'} what @param {string[]} names */
function say(what, names) {
  if (names.length === 0 || names.length > NAMED_MAX) return;
  clearTimeout(timer);
  const isolated = names.map((name) => `\u2068${name}\u2069`);
  comings.textContent = words.text(what, { count: names.length, names: listed.format(isolated) });
  timer = setTimeout(() => (comings.textContent = ''), SHOWN_MS);
}

/** @param {string} id @param {string} name */
function miss(id, name) {
  if (missing.has(id)) return;
  const gone = () => {
    missing.delete(id);
    if (!here.has(id)) say('left', [name]);
  };
  missing.set(id, setTimeout(gone, GONE_AFTER_MS));
}

function look() {
  const before = here;
  here = read();
  if (isCrowd()) return;
  const me = composer.dataset.authorId;
  for (const [id, name] of before) if (!here.has(id) && id !== me) miss(id, name);
  const came = [...here].filter(([id]) => !before.has(id) && !missing.has(id) && id !== me);
  for (const id of here.keys()) {
    clearTimeout(missing.get(id));
    missing.delete(id);
  }
  say('joined', came.map(([, name]) => name));
}

new MutationObserver(look).observe(people, { childList: true, subtree: true });
