// The beginning of a text in one line, for a quote, as `page/markdown/line.rs` makes it on the server: what is
// inside of lines stays formatted, blocks and links are their text.

const CHARS_MAX = 140;
const KEPT = 'strong, em, s, code';
const BLOCKS = 'pre, blockquote, ul, ol, li';

/** Returns the first characters of the text in an element. @param {Element} text */
export function lineOf(text) {
  let chars = 0;
  let wantsSpace = false;
  const space = () => {
    const isBetween = wantsSpace && chars > 0;
    wantsSpace = false;
    chars += isBetween ? 1 : 0;
    return isBetween ? ' ' : '';
  };
  /** Copies what fits; returns true if that is all. @param {Node} from @param {Element} to */
  const copy = (from, to) => {
    for (const node of from.childNodes) {
      if (node instanceof Element) {
        if (node.matches('.edited')) continue;
        wantsSpace ||= node.matches(BLOCKS);
        const isKept = node.matches(KEPT);
        const inner = isKept ? document.createElement(node.localName) : to;
        if (isKept) to.append(space(), inner);
        const isWhole = copy(node, inner);
        wantsSpace ||= node.matches(BLOCKS);
        if (!isWhole) return false;
        continue;
      }
      let piece = '';
      for (const char of node.textContent ?? '') {
        if (/\s/.test(char)) {
          wantsSpace = true;
        } else if (chars >= CHARS_MAX) {
          to.append(piece, '\u2026');
          return false;
        } else {
          piece += space() + char;
          chars += 1;
        }
      }
      to.append(piece);
    }
    return true;
  };
  const line = document.createElement('span');
  line.className = 'said';
  copy(text, line);
  return line;
}
