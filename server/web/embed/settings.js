// The settings of a panel: attributes of its element. A wrong one counts as one that is not there.

import { catalogue } from './catalogue.js';

const TEXT = /^[^]{0,80}$/;
const CODES = Object.keys(catalogue).filter((code) => code !== 'version');
const LANGUAGE = RegExp(`^(${CODES.join('|')})(-|$)`, 'i');

/** The form of each value. @type {Record<string, RegExp>} */
const FORMS = {
  room: /^[\w-]{1,64}\*?$/,
  name: TEXT,
  label: TEXT,
  title: TEXT,
  lang: LANGUAGE,
  side: /^(start|end)$/,
  theme: /^(auto|light|dark)$/,
  accent: /^#[\da-f]{6}$/i,
  launcher: /^(on|off)$/,
  z: /^-?\d{1,10}$/,
  token: /^[\w-]+(\.[\w-]+){2}$/,
};
export const NAMES = Object.keys(FORMS);

/** Returns the part of a room's name before its star. @param {string} room */
export const beforeStar = (room) => room.replace(/\*$/, '');

/** @param {Element} element @returns {Settings} */
export function read(element) {
  const values = NAMES.map((name) => [name, element.getAttribute(name) ?? '']);
  const right = values.filter(([name, value]) => FORMS[name].test(value));
  // The star is for a room of each visitor; the way to it is at what is before.
  return Object.fromEntries(right.map(([name, value]) => [name, name === 'room' ? beforeStar(value) : value]));
}

/** Throws a `TypeError` unless all changes are right. An empty text is the default, but for the room.
 *  @param {Record<string, unknown>} changes */
export function check(changes) {
  for (const [name, value] of Object.entries(changes)) {
    const isRight = NAMES.includes(name) && typeof value === 'string' && FORMS[name].test(value);
    if (!isRight && (value !== '' || name === 'room')) throw new TypeError(`Millchat: ${name}`);
  }
}

/** Returns the language that is set, else the page's, else the browser's. @param {string} [lang] */
export function languageOf(lang = '') {
  const tags = [lang, document.documentElement.lang, ...navigator.languages, 'en'];
  return /** @type {string} */ (tags.find((tag) => LANGUAGE.test(tag))).split('-')[0].toLowerCase();
}

/** Returns the theme that is set, else the page's, else the system's. @param {string} [theme] */
export function themeOf(theme = 'auto') {
  if (theme !== 'auto') return theme;
  const { colorScheme } = getComputedStyle(document.documentElement);
  const isDark = /dark/.test(colorScheme);
  const isBoth = isDark === /light/.test(colorScheme);
  return (isBoth ? matchMedia('(prefers-color-scheme:dark)').matches : isDark) ? 'dark' : 'light';
}
