// Mentions in a text: `@` and the whole name of a person, in any case, up to the end of a word. The person's tag
// may follow; without it all people of that name are meant. Words end as the annex 29 of Unicode says, so in
// scripts without spaces a name ends wherever it ends.

// Bounds the work for one text.
const TRIED_MAX = 200;

// Joined to the character before, whatever that is: marks, and parts of emoji.
const EXTENDING = /^[\p{M}\p{Emoji_Modifier}\u200c\u200d]/u;
// Characters that are not seen, for the direction of a text.
const INVISIBLE = /^[\u00ad\u061c\u200e\u200f\u2060\ufeff]+/u;
const KATAKANA = /^[\p{sc=Katakana}\u3031-\u3035\u309b\u309c\u30a0\u30fc\uff70]/u;
const CONNECTOR = /^\p{Pc}/u;
// Letters of scripts that put no spaces between words.
const APART = [
  /^[\p{Ideographic}\p{sc=Hiragana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u,
  /^[\p{sc=Tai_Le}\p{sc=New_Tai_Lue}\p{sc=Tai_Tham}\p{sc=Tai_Viet}\p{sc=Ahom}]/u,
];
const DIGIT = /^\p{Nd}/u;
const LETTER = /^\p{Alphabetic}/u;
// Within a word these join two letters, and two digits.
const MID_LETTER = /^[\u0027.\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe52\uff07\uff0e](?=\p{Alphabetic})/u;
const MID_NUMBER = /^[\u0027.,;\u037e\u0589\u060c\u060d\u066c\u07f8\u2018\u2019\u2044\uff0c\uff1b](?=\p{Nd})/u;
const TAG = /^[ \u00a0]?#([\p{L}\p{N}]+)(?!_)/u;

/** Returns a text so that texts that differ only in case, or in the way they are encoded, are the same.
 *  @param {string} text */
export const fold = (text) => text.normalize('NFD').toLowerCase().toUpperCase().normalize('NFD');

/** @param {string} text */
function kindOf(text) {
  if (KATAKANA.test(text)) return 'katakana';
  if (CONNECTOR.test(text)) return 'connector';
  if (APART.some((script) => script.test(text))) return '';
  if (DIGIT.test(text)) return 'digit';
  return LETTER.test(text) ? 'letter' : '';
}

/** @param {string} before @param {string} after the kinds of two neighbours */
function isJoined(before, after) {
  if (before === '' || after === '') return false;
  if (before === 'connector' || after === 'connector') return true;
  return (before === 'katakana') === (after === 'katakana');
}

/** Returns the kind of the character that ends there. @param {string} text @param {number} end */
function kindBefore(text, end) {
  const base = [...text.slice(Math.max(0, end - 16), end)].filter((char) => !EXTENDING.test(char)).at(-1);
  return kindOf(base ?? '');
}

/** Returns whether a word ends there. @param {string} text @param {number} at */
function isWordEnd(text, at) {
  if (EXTENDING.test(text.slice(at, at + 2))) return false;
  const before = kindBefore(text, at);
  const rest = text.slice(at, at + 8).replace(INVISIBLE, '');
  if (isJoined(before, kindOf(rest))) return false;
  return !(before === 'letter' && MID_LETTER.test(rest)) && !(before === 'digit' && MID_NUMBER.test(rest));
}

/** Returns where a name ends that begins there; `name` is folded. @param {string} text @param {number} from
 *  @param {string} name @returns {number | undefined} */
function endOf(text, from, name) {
  let end = from;
  let length = 0;
  while (end < text.length && length < name.length) {
    const char = String.fromCodePoint(/** @type {number} */ (text.codePointAt(end)));
    length += fold(char).length;
    end += char.length;
  }
  return length === name.length && fold(text.slice(from, end)) === name && isWordEnd(text, end) ? end : undefined;
}

/** Returns whether an `@` at that place may begin a mention, and is not part of an address.
 *  @param {string} text @param {number} at */
export const mayBegin = (text, at) => ['', 'katakana'].includes(kindBefore(text, at));

/** Returns the places of the mentions of a person: beginnings and ends. At a longer name of `others` the person is
 *  not meant. Names are folded.
 *  @param {string} text @param {{ name: string, tag: string }} person @param {() => string[]} others */
export function findMentions(text, { name, tag }, others) {
  /** @type {[number, number][]} */
  const found = [];
  let tried = 0;
  for (const { index } of text.matchAll(/[@\uff20]/g)) {
    tried += 1;
    if (tried > TRIED_MAX) break;
    const end = mayBegin(text, index) ? endOf(text, index + 1, name) : undefined;
    if (end === undefined) continue;
    if (others().some((other) => endOf(text, index + 1, other) !== undefined)) continue;
    const said = TAG.exec(text.slice(end, end + 2 * tag.length + 4));
    const isTag = said?.[1].length === tag.length;
    if (isTag && fold(said[1]) !== fold(tag)) continue;
    found.push([index, end + (isTag ? said[0].length : 0)]);
  }
  return found;
}
