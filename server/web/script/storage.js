// Texts by name in the browser's storage. Storage can be full or forbidden: then nothing is read, and what is
// written is lost on a reload.

/** Returns an empty text if there is none.
 *  @param {string} name @param {'localStorage' | 'sessionStorage'} [area] */
export function load(name, area = 'localStorage') {
  try {
    return globalThis[area].getItem(name) ?? '';
  } catch {
    return '';
  }
}

/** An empty text removes the entry.
 *  @param {string} name @param {string} text @param {'localStorage' | 'sessionStorage'} [area] */
export function save(name, text, area = 'localStorage') {
  try {
    if (text) globalThis[area].setItem(name, text);
    else globalThis[area].removeItem(name);
  } catch {
    // The text is not kept.
  }
}

/** Removes all entries whose names begin with this. @param {string} beginning */
export function forgetAll(beginning) {
  for (const area of /** @type {const} */ (['localStorage', 'sessionStorage'])) {
    try {
      const names = Object.keys(globalThis[area]).filter((name) => name.startsWith(beginning));
      for (const name of names) globalThis[area].removeItem(name);
    } catch {
      // Nothing is kept.
    }
  }
}
