// The beginning of a text in one line, for a quote, as `page/markdown/line.rs` makes it on the server: what is
// inside of lines stays formatted, blocks and links are their text.

const CHARS_MAX = 140;
const KEPT = 'strong, em, s, code';
const BLOCKS = 'pre, blockquote, ul, ol, li';

/** Returns the first characters of the text in an element. @param {Element} text */
export function lineOf(text) {
  const line = document.createElement('span');
  line.className = 'said';
  let room = CHARS_MAX;
  let isBegun = false;
  let wantsSpace = false;
  const space = () => {
    const isShown = wantsSpace && room > 0;
    wantsSpace = false;
    room -= isShown ? 1 : 0;
    return isShown ? ' ' : '';
  };
  /** Copies what fits; returns true if that is all. @param {Node} from @param {Element} to */
  const copyText = (from, to) => {
    let piece = '';
    for (const char of from.textContent ?? '') {
      if (/\s/.test(char)) {
        wantsSpace = isBegun;
        continue;
      }
      piece += space();
      if (room === 0) {
        to.append(`${piece}\u2026`);
        return false;
      }
      piece += char;
      room -= 1;
      isBegun = true;
    }
    to.append(piece);
    return true;
  };
  /** Copies what fits; returns true if that is all. @param {Element} from @param {Element} to @returns {boolean} */
  const copy = (from, to) =>
    [...from.childNodes].every((node) => {
      if (!(node instanceof Element)) return copyText(node, to);
      if (node.matches('.edited')) return true;
      const isBlock = node.matches(BLOCKS);
      wantsSpace ||= isBlock && isBegun;
      const inner = node.matches(KEPT) ? document.createElement(node.localName) : to;
      if (inner !== to) {
        to.append(space(), inner);
        isBegun = true;
      }
      const isWhole = copy(node, inner);
      wantsSpace ||= isBlock && isBegun;
      return isWhole;
    });
  copy(text, line);
  return line;
}
