// Mentions of the reader: marked in the rows, which are the same for everybody. In code, quotes and links there are
// none.

import { composer, messages } from './dom.js';
import { findMentions, fold } from './mention.js';
import { isMessage } from './message.js';

const NOT_IN = 'code, pre, blockquote, a, .host, .edited';
const BLOCKS = 'li, p, div';

/** Folded names, by names. @type {Map<string, string>} */
const folded = new Map();
const FOLDED_MAX = 2_000;

/** @param {string} name */
function foldName(name) {
  let known = folded.get(name);
  if (known === undefined) {
    if (folded.size === FOLDED_MAX) folded.clear();
    known = fold(name);
    folded.set(name, known);
  }
  return known;
}

/** The reader; none without a name. */
function reader() {
  const name = foldName(composer.dataset.authorName ?? '');
  const tag = (composer.querySelector('.me .tag')?.textContent ?? '').trim().replace(/^#/, '');
  return name && { name, tag };
}

/** Returns the longer names of people in the page that begin like this one. @param {string} name */
function longerNames(name) {
  const known = document.querySelectorAll(':is(#presence, #bots, #messages) .who .name');
  const names = new Set([...known].map(({ textContent }) => foldName(textContent ?? '')));
  return [...names].filter((other) => other.length > name.length && other.startsWith(name));
}

/** Returns the pieces of a text in which mentions can be: nodes in a row, without an element between them.
 *  @param {Element} text */
function piecesOf(text) {
  /** @type {Text[][]} */
  const pieces = [];
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  let isApart = true;
  /** @type {Element | null | undefined} */
  let block;
  while (walker.nextNode()) {
    const node = /** @type {Text} */ (walker.currentNode);
    const within = node.parentElement?.closest(NOT_IN);
    if (within && text.contains(within)) {
      isApart = true;
      continue;
    }
    const of = node.parentElement?.closest(BLOCKS);
    if (isApart || of !== block) pieces.push([]);
    pieces.at(-1)?.push(node);
    isApart = false;
    block = of;
  }
  return pieces;
}

/** Marks a part of the text that these nodes have together. @param {Text[]} nodes @param {number} from
 *  @param {number} to */
function mark(nodes, from, to) {
  let at = 0;
  for (const node of nodes) {
    const { length } = node;
    const [start, end] = [Math.max(from - at, 0), Math.min(to - at, length)];
    at += length;
    if (start >= end) continue;
    const part = start > 0 ? node.splitText(start) : node;
    if (end - start < part.length) part.splitText(end - start);
    const element = document.createElement('mark');
    element.className = 'mention';
    part.replaceWith(element);
    element.append(part);
  }
}

/** @param {Element} text */
function unmark(text) {
  for (const element of text.querySelectorAll('mark.mention')) element.replaceWith(...element.childNodes);
  text.normalize();
}

/** @param {Iterable<Row>} rows */
function update(rows) {
  const me = reader();
  /** @type {string[] | undefined} */
  let longer;
  const others = () => (longer ??= me ? longerNames(me.name) : []);
  for (const row of rows) {
    const text = row.querySelector('.text');
    const wasMarked = row.classList.contains('mentioned');
    if (!text || (!wasMarked && !/[@\uff20]/.test(text.textContent ?? ''))) continue;
    if (wasMarked) unmark(text);
    let isMarked = false;
    for (const nodes of me ? piecesOf(text) : []) {
      const found = me ? findMentions(nodes.map(({ data }) => data).join(''), me, others) : [];
      // From the end, since a node that is marked is split.
      for (const [from, to] of found.reverse()) mark(nodes, from, to);
      isMarked ||= found.length > 0;
    }
    row.classList.toggle('mentioned', isMarked);
  }
  observer.takeRecords();
}

const all = () => /** @type {NodeListOf<Row>} */ (messages.querySelectorAll('.msg'));

// New rows, and texts that were edited.
const observer = new MutationObserver((records) => {
  const rows = new Set();
  for (const { target, addedNodes } of records) {
    if (target === messages) for (const node of [...addedNodes].filter(isMessage)) rows.add(node);
    else {
      const element = target instanceof Element ? target : target.parentElement;
      const isText = (/** @type {Node} */ node) => node instanceof Element && node.matches('.text, :has(.text)');
      if (element?.closest('.text') || [...addedNodes].some(isText)) rows.add(element?.closest('.msg'));
    }
  }
  update([...rows].filter(isMessage));
});
observer.observe(messages, { childList: true, subtree: true, characterData: true });

update(all());
new MutationObserver(() => update(all())).observe(composer, {
  attributeFilter: ['data-author-id', 'data-author-name'],
});
