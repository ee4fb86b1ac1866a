// If somebody can see the page: its tab is in front and, in a panel, the page around it shows the panel.

import { isPanel } from './dom.js';

/** @type {((seen: boolean) => void)[]} */
const listeners = [];
// A panel is shown when the page around it says so.
let isShown = !isPanel || window.parent === window;

/** Returns whether somebody can see the page. */
export function isSeen() {
  return isShown && !document.hidden;
}

/** Has a function called when the page comes into sight, or goes out of it.
 *  @param {(seen: boolean) => void} listener */
export function whenSeen(listener) {
  listeners.push(listener);
}

function tell() {
  for (const listener of listeners) listener(isSeen());
}

/** Says if the panel is shown. @param {boolean} shown */
export function setShown(shown) {
  if (shown === isShown) return;
  isShown = shown;
  tell();
}

document.addEventListener('visibilitychange', tell);
