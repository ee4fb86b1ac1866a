// What the browser keeps, for the other parts of the script: texts by name. Storage can be full or forbidden: then
// nothing is read, and what is written is forgotten by a reload.

globalThis.store = {
  kept: (name, area = 'localStorage') => {
    try {
      return globalThis[area].getItem(name) ?? '';
    } catch {
      return '';
    }
  },
  // Nothing is kept of an empty text.
  keep: (name, text, area = 'localStorage') => {
    try {
      if (text) globalThis[area].setItem(name, text);
      else globalThis[area].removeItem(name);
    } catch {
      // As said.
    }
  },
};
