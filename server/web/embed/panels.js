// All panels of the page, the first one first. A floating one is the last child of the root element, where no exchange
// of the body reaches it; an inline one is where the host has put its element.

import { createPanel } from './panel.js';
import { NAMES } from './settings.js';

/** @type {Panel[]} */
export const panels = [];
/** Panels may be put into the document. */
let hasBegun = false;

/** @param {string | null} room */
export const panelIn = (room) => panels.find(({ element }) => element.getAttribute('room') === room);

/** Buttons at one side stand above each other. */
function stack() {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const panel of panels) {
    const side = panel.element.getAttribute('side') ?? '';
    if (!panel.isFloating || panel.element.getAttribute('launcher') === 'off') continue;
    panel.others = counts[side] ?? 0;
    counts[side] = panel.others + 1;
    panel.render();
  }
}

class MillChat extends HTMLElement {
  static observedAttributes = NAMES;
  panel = createPanel(this);

  connectedCallback() {
    if (!this.hasAttribute('room')) return console.error('Millchat: no room', this);
    if (!panels.includes(this.panel)) panels.push(this.panel);
    this.panel.attached();
    stack();
  }

  disconnectedCallback() {
    this.panel.detached();
    if (!this.panel.isFloating) forget(this.panel);
  }

  // Moved within the document, the frame goes on.
  connectedMoveCallback() {}

  attributeChangedCallback() {
    this.panel.change();
    stack();
  }
}

/** @param {Panel} panel */
function forget(panel) {
  const at = panels.indexOf(panel);
  if (at >= 0) panels.splice(at, 1);
}

/** Puts floating panels where they belong, also after the host has removed them. */
function place() {
  if (!hasBegun) return;
  for (const { element, isFloating } of panels) {
    if (isFloating && !element.isConnected) document.documentElement.append(element);
  }
}

// The host may exchange the root element too.
function watch() {
  for (const node of [document, document.documentElement]) watcher.observe(node, { childList: true });
  // In the next frame, so that a host that removes the element each time does not hang.
  requestAnimationFrame(place);
}

const watcher = new MutationObserver(watch);

/** Begins to put panels into the document. */
export function begin() {
  hasBegun = true;
  place();
  watch();
}

/** Removes panels, and does not put them back. @param {Panel[]} some */
export function end(some) {
  for (const panel of some) {
    forget(panel);
    panel.handle.destroy();
  }
  stack();
  if (panels.length === 0) watcher.disconnect();
}

/** Adds a floating panel with the settings of a script's element, which are attributes with `data-` before them.
 *  @param {Element} script */
export function float(script) {
  const element = /** @type {MillChat} */ (document.createElement('mill-chat'));
  const copy = () => {
    for (const name of NAMES) {
      const value = script.getAttribute(`data-${name}`);
      if (value !== null) element.setAttribute(name, value);
    }
  };
  if (panelIn(script.getAttribute('data-room'))) return;
  copy();
  new MutationObserver(copy).observe(script, { attributes: true });
  element.panel.isFloating = true;
  panels.push(element.panel);
  place();
}

/** Defines the element. Another run of this script finds it by `firstRun`, with what it was given here.
 *  @param {object} more */
export const define = (more) => customElements.define('mill-chat', Object.assign(MillChat, more));
export const firstRun = () => /** @type {any} */ (customElements.get('mill-chat'));
