// The element of this script, and the origin of the chat, which it came from.

/** A module loader that runs the script by itself leaves an element with its address. */
const found = document.currentScript ?? document.querySelector('[src$="/embed.js"]');
export const script = /** @type {HTMLScriptElement} */ (found);
export const ORIGIN = new URL(script.src).origin;
