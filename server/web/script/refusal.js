// The server's own words when it does not do what the page asked for.

import { isolate } from './i18n.js';

/** Returns the reason that the error page of an answer gives. @param {Response} answer */
export async function reasonOf(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const why = page.querySelector('.failure .why');
  for (const value of why?.querySelectorAll('bdi') ?? []) value.replaceWith(isolate(value.textContent));
  return why?.textContent;
}
