// The elements that every page of a room has, each looked up once, and the name of the room. Elements that a
// patch may exchange are looked up by a function each time.

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(id);
  return found;
}

export const room = document.body.dataset.room ?? '';

export const scroller = element('scroller', HTMLElement);
export const messages = element('messages', HTMLElement);
export const outbox = element('outbox', HTMLElement);
export const latest = element('latest', HTMLButtonElement);
export const composer = element('composer', HTMLElement);
export const problem = element('problem', HTMLElement);
export const people = element('people', HTMLElement);
export const typists = element('typists', HTMLElement);
export const joins = element('joins', HTMLElement);
export const keptDraft = element('kept', HTMLElement);
export const announcer = element('announcer', HTMLElement);
export const mentionList = element('mentionable', HTMLElement);
export const dayLine = element('day', HTMLElement);
export const connectionState = element('state', HTMLElement);
export const stream = element('stream', HTMLElement);
export const seeker = element('seeker', HTMLElement);
export const filler = element('filler', HTMLElement);
export const menu = element('menu', HTMLElement);
export const recentRooms = element('lately', HTMLElement);
export const notificationChoices = element('choices', HTMLElement);
export const notificationProblem = element('notify-problem', HTMLElement);
export const notifyBox = element('notify', HTMLInputElement);
export const mentionsOnlyBox = element('notify-mentions', HTMLInputElement);
export const soundBox = element('sound', HTMLInputElement);
export const deleteDialog = element('deleting', HTMLDialogElement);

/** The field to write in; a reader without a name has none. @returns {HTMLTextAreaElement | null} */
export const draftField = () => /** @type {HTMLTextAreaElement | null} */ (document.getElementById('draft'));

/** The form around that field. @returns {HTMLFormElement | null} */
export const composerForm = () => /** @type {HTMLFormElement | null} */ (document.getElementById('writer'));

/** The field for one's name. @returns {HTMLInputElement | null} */
export const nameField = () => /** @type {HTMLInputElement | null} */ (document.getElementById('name'));

/** Returns a copy of the one element in a template.
 *  @param {'pending' | 'unsent' | 'tools' | 'hole' | 'quote'} id @returns {HTMLElement} */
export function cloneTemplate(id) {
  const { content } = element(id, HTMLTemplateElement);
  return /** @type {HTMLElement} */ (document.importNode(content, true).firstElementChild);
}
