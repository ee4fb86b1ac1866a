// The server's own words when it does not do what the page asked for.

/** Returns the reason that the error page of an answer gives. @param {Response} answer */
export async function reasonOf(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return page.querySelector('.failure .why')?.textContent;
}
