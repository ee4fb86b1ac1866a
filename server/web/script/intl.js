// The formats of dates, numbers and lists: the browser's own, and plain ones where it has none or refuses what
// it is asked for. The languages and the zone that a browser tells are whatever a system or an extension said.

const { lang } = document.documentElement;

/** @template T @param {() => T} make @returns {T | undefined} */
function attempt(make) {
  try {
    return make();
  } catch {
    return undefined;
  }
}

// The region is the browser's, if the browser has this language: a reader in Britain and one in the States
// read the same words and write dates differently. Digits are the ones that the server writes.
function chooseLocale() {
  const said = attempt(() => [...navigator.languages].filter((tag) => typeof tag === 'string')) ?? [];
  // A name of the system, such as en_US.UTF-8 or en-US@posix, is a tag with more behind it.
  const tags = said.map((tag) => tag.replace(/[.@].*$/, '').replace(/_/g, '-'));
  const own = tags.filter((tag) => tag.split('-')[0].toLowerCase() === lang);
  for (const tag of [...own, lang]) {
    const found = attempt(() => new Intl.Locale(tag, { numberingSystem: 'latn' }).toString());
    if (found) return found;
  }
  return `${lang}-u-nu-latn`;
}

const locale = chooseLocale();

/** @template T @param {(locale?: string) => T} make */
const format = (make) => attempt(() => make(locale)) ?? attempt(() => make(lang)) ?? attempt(make);

const plurals = attempt(() => new Intl.PluralRules(lang));
const figures = format((locale) => new Intl.NumberFormat(locale));
const lists = format((locale) => new Intl.ListFormat(locale));
const clocks = format((locale) => new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }));
const moments = format((locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' }));
const days = format((locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'full' }));

const collator = format((locale) => new Intl.Collator(locale, { numeric: true }));

/** @param {number[]} numbers */
const twoDigits = (numbers) => numbers.map((number) => `${number}`.padStart(2, '0'));

/** Returns the plural category of a count. @param {number} count */
export function pluralOf(count) {
  return attempt(() => plurals?.select(count)) ?? 'other';
}

/** @param {number} number */
export function figureOf(number) {
  return attempt(() => figures?.format(number)) ?? `${number}`;
}

/** @param {string[]} names */
export function listOf(names) {
  return attempt(() => lists?.format(names)) ?? names.join(', ');
}

/** Returns the time of day. @param {number} at */
export function clockOf(at) {
  const date = new Date(at);
  return attempt(() => clocks?.format(at)) ?? twoDigits([date.getHours(), date.getMinutes()]).join(':');
}

/** Returns the day. @param {number} at */
export function dayOf(at) {
  const date = new Date(at);
  const plain = () => twoDigits([date.getFullYear(), date.getMonth() + 1, date.getDate()]).join('-');
  return attempt(() => days?.format(at)) ?? plain();
}

/** Returns the day and the time. @param {number} at */
export function momentOf(at) {
  return attempt(() => moments?.format(at)) ?? `${dayOf(at)} ${clockOf(at)}`;
}

/** Returns names in the order of the reader's language. @param {string[]} names */
export function sorted(names) {
  return attempt(() => [...names].sort(collator?.compare)) ?? [...names].sort();
}
