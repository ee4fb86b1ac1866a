// All panels of the page, the first one first. A floating one is the last child of the root element, where no exchange
// of the body reaches it; an inline one is where the host has put its element.

import { rest } from './cover.js';
import { createPanel } from './panel.js';
import { beforeStar, NAMES } from './settings.js';

export const NO_ROOM = 'Millchat: no room';

/** @type {Panel[]} */
export const panels = [];
/** Panels may be put into the document. */
let hasBegun = false;

/** @param {string | null} name */
export const panelIn = (name) => panels.find(({ settings }) => settings.room === beforeStar(name ?? ''));

/** Puts buttons at one side above each other. */
function stack() {
  const counts = { start: 0, end: 0 };
  for (const panel of panels) {
    const { room, launcher, side = 'end' } = panel.settings;
    const hasButton = panel.isFloating && room && launcher !== 'off';
    const others = hasButton ? counts[/** @type {'start' | 'end'} */ (side)]++ : 0;
    if (others === panel.others) continue;
    panel.others = others;
    panel.render();
  }
}

class MillChat extends HTMLElement {
  static observedAttributes = NAMES;
  panel = createPanel(this, () => end([this.panel]));

  connectedCallback() {
    if (!this.panel.settings.room) console.error(NO_ROOM, this);
    if (!panels.includes(this.panel)) panels.push(this.panel);
    stack();
    this.panel.attached();
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
    if (panels.includes(this.panel)) this.panel.render();
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
  for (const { element, isFloating, adapt } of panels) {
    if (isFloating && !element.isConnected) document.documentElement.append(element);
    // The colours and the language of the page may be others.
    else adapt();
  }
  rest();
}

// The host may exchange the root element too, and says its colours there.
function watch() {
  for (const node of [document, document.documentElement]) watcher.observe(node, { childList: true, attributes: true });
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
    panel.source?.disconnect();
    panel.remove();
  }
  stack();
  if (panels.length === 0) watcher.disconnect();
}

/** Adds a floating panel with the settings of a script's element, which are attributes with `data-` before them.
 *  @param {Element} script */
export function float(script) {
  if (panelIn(script.getAttribute('data-room'))) return;
  const element = /** @type {MillChat} */ (document.createElement('mill-chat'));
  const { panel } = element;
  /** @param {string} attribute */
  const copy = (attribute) => element.setAttribute(attribute.slice(5), script.getAttribute(attribute) ?? '');
  const attributes = NAMES.map((name) => `data-${name}`);
  attributes.filter((attribute) => script.hasAttribute(attribute)).forEach(copy);
  // What is removed is the default, and what `set` has changed stays.
  panel.source = new MutationObserver((records) => records.forEach(({ attributeName }) => copy(`${attributeName}`)));
  panel.source.observe(script, { attributeFilter: attributes });
  panel.isFloating = true;
  panels.push(panel);
  place();
}

/** Defines the element. Another run of this script finds it by `firstRun`, with what it was given here.
 *  @param {object} more */
export const define = (more) => customElements.define('mill-chat', Object.assign(MillChat, more));
export const firstRun = () => /** @type {any} */ (customElements.get('mill-chat'));
