// The reader's language, for the other parts of the script: messages, numbers and the customs of dates. `catalogue`
// stands before this: a message is one text, or a text for each plural category. Rows and lines that are the same for
// everybody only name their messages (`data-l10n`); they are filled in here as soon as they are in the page.

const { lang } = document.documentElement;
// The region is the browser's, if it has this language: a reader in Britain and one in the States read the same words
// and write dates differently. Digits are those that the server writes.
const region = navigator.languages.find((language) => language.split('-')[0] === lang) ?? lang;
const locale = new Intl.Locale(region, { numberingSystem: 'latn' }).toString();
const plural = new Intl.PluralRules(lang);
const figures = new Intl.NumberFormat(locale);

/** The pieces of a message: its own text, and at odd places the names of values. @param {string} id @param {Values} values */
function pieces(id, values) {
  const text = catalogue[id] ?? id;
  const form = typeof text === 'string' ? text : (text[plural.select(Number(values.count))] ?? text.other);
  return form.split(/\{([a-z-]+)\}/);
}

/** Each text from elsewhere in an isolate of its own direction. @param {string | number} [value] */
const written = (value = '') => (typeof value === 'number' ? figures.format(value) : `\u2068${value}\u2069`);

globalThis.words = {
  locale,
  text: (id, values = {}) =>
    pieces(id, values).map((piece, at) => (at % 2 === 0 ? piece : written(values[piece]))).join(''),
};

/** @param {HTMLElement} element */
function fill(element) {
  const values = /** @type {Values} */ (JSON.parse(element.dataset.l10nArgs ?? '{}'));
  const nodes = pieces(element.dataset.l10n ?? '', values).map((piece, at) => {
    if (at % 2 === 0) return piece;
    const value = values[piece];
    if (typeof value === 'number') return figures.format(value);
    const isolated = document.createElement('bdi');
    isolated.textContent = value;
    return isolated;
  });
  element.replaceChildren(...nodes);
}

// A patch that finds its element in the page takes what was filled in out of it, or gives it other values.
new MutationObserver((records) => {
  for (const { type, target, addedNodes } of records) {
    for (const node of [target, ...addedNodes]) {
      if (!(node instanceof HTMLElement)) continue;
      if (node.dataset.l10n !== undefined && (type === 'attributes' || !node.hasChildNodes())) fill(node);
      if (node !== target) node.querySelectorAll('[data-l10n]:empty').forEach((inner) => fill(/** @type {HTMLElement} */ (inner)));
    }
  }
}).observe(document, { childList: true, subtree: true, attributeFilter: ['data-l10n', 'data-l10n-args'] });
