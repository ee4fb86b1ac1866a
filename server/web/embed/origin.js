// The element of this script, and the origin of the chat, which it came from.

const { currentScript } = document;
const ours = 'script[src*="/embed"]';
/** An element of the host may have taken the name `currentScript`, and a module loader that runs the script by itself
 *  leaves only an element with its address. Other programs have scripts of this name too. */
const found =
  currentScript instanceof HTMLScriptElement
    ? currentScript
    : (document.querySelector(`${ours}[data-room]`) ??
      document.querySelector(`${ours}[src$="/embed.js"],${ours}[src*="/assets/embed-"]`));
export const script = /** @type {HTMLScriptElement} */ (found);
export const ORIGIN = new URL(script.src).origin;
