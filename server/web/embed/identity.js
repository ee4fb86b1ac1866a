// The people for whom the page of the host vouches: a token, or a function that gives one. One call is under way at a
// time. The frame says when it needs a token, and how long it waits for it.

/** @typedef {string | null | (() => string | null | Promise<string | null>)} Source */

/** @param {(token: unknown) => void} tell says the token; nothing, if there is none to be had */
export function createIdentity(tell) {
  /** @type {Source | undefined} */
  let source;
  /** The last token; nothing before the first, and once it is not good any more. @type {unknown} */
  let token;
  /** The source that is being asked. @type {Source | undefined} */
  let asked;
  /** @type {number | undefined} */
  let timer;

  async function ask() {
    if (asked === source) return;
    const of = (asked = source);
    token = undefined;
    try {
      token = await (typeof of === 'function' ? of() : of);
    } catch (error) {
      console.error(error);
    }
    if (of === source) tell(token);
    if (asked === of) asked = undefined;
  }

  const identity = {
    isSet: () => source !== undefined,
    /** The frame needs a token, or another one than before. @param {boolean} [isOther] */
    need(isOther) {
      clearTimeout(timer);
      if (token !== undefined && !isOther) tell(token);
      else if (identity.isSet()) timer = setTimeout(ask);
    },
    /** @param {Source} [next] */
    set(next) {
      source = next;
      token = undefined;
    },
  };
  return identity;
}
