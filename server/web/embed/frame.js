// The frame of a panel, and the messages between it and this page. They go through a channel whose other end is sent
// to the frame at the chat's origin alone, for each document that is loaded there. The window listens to nobody.

import { make } from './dom.js';
import { ORIGIN } from './origin.js';

const ANSWER_MS_MAX = 15_000;
const RIGHTS = ['scripts', 'same-origin', 'forms', 'popups', 'popups-to-escape-sandbox', 'downloads'];

/** The fields of each kind of message, by values of their types. @type {Record<string, any>} */
const KINDS = {
  // Nothing has the kind of a method of all objects.
  __proto__: null,
  ready: {},
  close: {},
  message: { position: 0, room: '', own: true, author: { id: '', name: '' } },
  unread: { count: 0 },
  identity: { author: { id: '', name: '' } },
  'need-identity': {},
  error: { code: '' },
};

/** Says if a value has the fields of this shape. @param {any} value @param {any} shape @returns {boolean} */
const fits = (value, shape) =>
  typeof value === typeof shape && Object.keys(shape).every((key) => fits(value?.[key], shape[key]));

/** Puts a frame of this address into an element.
 *  @param {Element} into @param {string} src @param {string} title
 *  @param {{ greeted: () => void, take: (kind: string, detail: any) => void, fail: (code: string) => void }} to */
export function createFrame(into, src, title, { greeted, take, fail }) {
  /** @type {MessagePort | undefined} */
  let port;
  /** @type {number | undefined} */
  let timer;
  const element = /** @type {HTMLIFrameElement} */ (
    make('iframe', {
      title,
      allow: 'clipboard-write',
      referrerpolicy: 'no-referrer',
      sandbox: RIGHTS.map((right) => `allow-${right}`).join(' '),
      src,
    })
  );
  const refused = (/** @type {SecurityPolicyViolationEvent} */ { blockedURI, disposition, effectiveDirective }) => {
    // What a policy only reports is shown.
    const isFrame = disposition === 'enforce' && effectiveDirective === 'frame-src';
    if (isFrame && blockedURI.startsWith(ORIGIN)) fail('blocked');
  };
  /** Waits for the document to say that it is ready. */
  function wait() {
    port?.close();
    clearTimeout(timer);
    timer = setTimeout(fail, ANSWER_MS_MAX, 'unreachable');
  }
  function remove() {
    document.removeEventListener('securitypolicyviolation', refused);
    port?.close();
    clearTimeout(timer);
    element.remove();
  }
  element.addEventListener('load', () => {
    wait();
    const { port1, port2 } = new MessageChannel();
    port = port1;
    port.onmessage = ({ data }) => {
      const shape = KINDS[data?.kind];
      if (!shape || !fits(data, shape)) return;
      if (data.kind === 'ready') clearTimeout(timer);
      take(data.kind, data);
    };
    element.contentWindow?.postMessage({ kind: 'hello' }, ORIGIN, [port2]);
    greeted();
  });
  document.addEventListener('securitypolicyviolation', refused);
  wait();
  into.prepend(element);
  return { element, wait, remove, post: (/** @type {object} */ message) => port?.postMessage(message) };
}
