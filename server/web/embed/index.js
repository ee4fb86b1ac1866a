// The loader of the panel: the one script that a site has on its pages. It loads nothing else by itself. The
// server puts the words of every language in front.

import { catalogue } from './catalogue.js';

const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);

/** Offers the room, at the place of the script.
 *  @param {HTMLScriptElement} at @param {string} room */
function offer(at, room) {
  const [language] = (document.documentElement.lang || navigator.language).split('-');
  const words = catalogue[language] ?? catalogue.en;
  const link = document.createElement('a');
  link.href = new URL(`/${encodeURIComponent(room)}`, at.src).href;
  link.target = '_blank';
  link.rel = 'noopener';
  link.textContent = words['panel-label'];
  at.after(link);
}

if (script?.dataset.room) offer(script, script.dataset.room);
