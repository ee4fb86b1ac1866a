// The loader of the panel: the one script of the chat that a site's page has. It reads the attributes of its own
// element, makes the panels, and gives the page `Millchat`.

import { catalogue } from './catalogue.js';
import { guarded, whenIdle } from './dom.js';
import { ORIGIN, script } from './origin.js';
import { begin, define, end, firstRun, float, NO_ROOM, panelIn, panels } from './panels.js';

/** Functions of the host that are called when the page is there. @type {Function[]} */
const queue = [];
let isStarted = false;

/** @param {Function[]} listeners */
function push(...listeners) {
  queue.push(...listeners);
  while (isStarted && queue.length > 0) guarded(/** @type {Function} */ (queue.shift()), api);
}

/** @type {Record<string | symbol, any>} */
const own = {
  push,
  version: catalogue.version,
  panel: (/** @type {string} */ room) => panelIn(room)?.handle,
  destroy() {
    end([...panels]);
    document.removeEventListener('click', follow);
    delete window.Millchat;
  },
};
// Everything else is that of the first panel.
/** @type {object} */
const api = new Proxy(own, { get: (_, name) => own[name] ?? /** @type {any} */ (panels[0]?.handle)?.[name] });

/** A link of the host to a room opens its panel. @param {MouseEvent} event */
function follow(event) {
  const [target] = event.composedPath();
  const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (target).closest?.('a[data-mill-chat]'));
  const panel = link?.origin === ORIGIN && panelIn(link.pathname.slice(1));
  if (!panel || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.focus({ preventScroll: true });
  panel.handle.open();
}

function start() {
  isStarted = true;
  if (panels.length === 0) console.error(NO_ROOM);
  whenIdle(begin);
  push();
}

/** @param {Element} element the script's, of this run or of a later one */
function add(element) {
  if (element.hasAttribute('data-room')) float(element);
  if (window.Millchat === api) return;
  if (Array.isArray(window.Millchat)) queue.push(...window.Millchat);
  window.Millchat = api;
  document.addEventListener('click', follow);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start, { once: true });
  else start();
}

const first = firstRun();
if (!first) define({ origin: ORIGIN, add });
if (!first) add(script);
else if (first.origin === ORIGIN) first.add(script);
else console.error('Millchat: not the first chat', first.origin);
