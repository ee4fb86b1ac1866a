// Elements, made without markup: the policy of the host may allow none. And its functions, called.

const WAIT_MS_MAX = 2_000;

/** @param {Element} element @param {Record<string, string>} values */
export function put(element, values) {
  // Some hosts extend all objects.
  for (const name of Object.keys(values)) element.setAttribute(name, values[name]);
}

/** @param {string} tag @param {Record<string, string>} values @param {(Node | string)[]} children */
export function make(tag, values, ...children) {
  const kind = /svg|path/.test(tag) ? '2000/svg' : '1999/xhtml';
  const made = /** @type {HTMLElement} */ (document.createElementNS(`http://www.w3.org/${kind}`, tag));
  put(made, values);
  made.append(...children);
  return made;
}

/** Returns a picture of one line. @param {string} d */
export const icon = (d) => make('svg', { viewBox: '0 0 24 24' }, make('path', { d }));

/** Calls a function when the page has nothing else to do. @param {() => void} task */
export const whenIdle = (task) =>
  'requestIdleCallback' in window ? requestIdleCallback(task, { timeout: WAIT_MS_MAX }) : setTimeout(task);

/** Calls a function of the host, whose exceptions are shown and go no further.
 *  @param {Function} listener @param {unknown} value */
export function guarded(listener, value) {
  try {
    listener(value);
  } catch (error) {
    console.error(error);
  }
}
