// The elements that every page of a room has, each looked up once, and the name of the room. Elements that a
// patch may exchange are looked up by a function each time.

/** Returns the element. If an extension of the browser has removed it, what needs it works on one that nobody
 *  sees, and the rest of the page works on.
 *  @template {keyof HTMLElementTagNameMap} T @param {string} id @param {T} tag @returns {HTMLElementTagNameMap[T]} */
function element(id, tag) {
  const found = document.getElementById(id);
  if (found?.localName === tag) return /** @type {HTMLElementTagNameMap[T]} */ (found);
  // A panel has no part of the page's that is for other rooms.
  if (!isPanel) window.reportError?.(new TypeError(id));
  return document.createElement(tag);
}

/** The page is in a frame of another page, or is made for it. */
export const isPanel = document.documentElement.dataset.panel !== undefined;
export const room = document.body.dataset.room ?? '';
/** The path of the requests of this page. */
export const base = document.body.dataset.base ?? `/${room}`;

export const scroller = element('scroller', 'div');
export const messages = element('messages', 'ol');
export const outbox = element('outbox', 'ol');
export const latest = element('latest', 'button');
export const composer = element('composer', 'section');
export const problem = element('problem', 'p');
export const people = element('people', 'aside');
export const typists = element('typists', 'p');
export const joins = element('joins', 'p');
export const keptDraft = element('kept', 'div');
export const announcer = element('announcer', 'div');
export const mentionList = element('mentionable', 'ul');
export const dayLine = element('day', 'p');
export const connectionState = element('state', 'p');
export const stream = element('stream', 'div');
export const seeker = element('seeker', 'div');
export const filler = element('filler', 'div');
export const menu = element('menu', 'nav');
export const recentRooms = element('lately', 'section');
export const notificationChoices = element('choices', 'div');
export const notificationProblem = element('notify-problem', 'p');
export const notifyBox = element('notify', 'input');
export const mentionsOnlyBox = element('notify-mentions', 'input');
export const soundBox = element('sound', 'input');
export const deleteDialog = element('deleting', 'dialog');
export const flagDialog = element('flagging', 'dialog');
export const banDialog = element('banning', 'dialog');

/** The field to write in; a reader without a name has none. @returns {HTMLTextAreaElement | null} */
export const draftField = () => /** @type {HTMLTextAreaElement | null} */ (document.getElementById('draft'));

/** The form around that field. @returns {HTMLFormElement | null} */
export const composerForm = () => /** @type {HTMLFormElement | null} */ (document.getElementById('writer'));

/** The notice that the reader may not read the room. @returns {HTMLElement | null} */
export const deniedNotice = () => document.getElementById('denied');

/** The field for one's name. @returns {HTMLInputElement | null} */
export const nameField = () => /** @type {HTMLInputElement | null} */ (document.getElementById('name'));

/** Returns a copy of the one element in a template.
 *  @param {'pending' | 'unsent' | 'tools' | 'hole' | 'quote'} id @returns {HTMLElement} */
export function cloneTemplate(id) {
  const { content } = element(id, 'template');
  return /** @type {HTMLElement} */ (document.importNode(content, true).firstElementChild);
}
