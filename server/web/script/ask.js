// Requests that change something. One that has no answer in time shows that the connection is dead: an idle
// stream may be silent for longer.

import { noteNoAnswer } from './stream.js';

const ANSWER_MS_MAX = 10_000;
// A long text over a slow line is still on its way: a millisecond more for each of its bytes.
const MS_PER_BYTE = 1;

/** Returns the answer, complete; throws if there is none in time.
 *  @param {string} path @param {{ method: string, json?: object }} request */
export async function ask(path, { method, json }) {
  const body = json && JSON.stringify(json);
  const until = new AbortController();
  const giveUp = () => {
    until.abort();
    noteNoAnswer();
  };
  const timer = setTimeout(giveUp, ANSWER_MS_MAX + MS_PER_BYTE * (body?.length ?? 0));
  try {
    const headers = body ? { 'Content-Type': 'application/json' } : undefined;
    const answer = await fetch(path, { method, headers, body, signal: until.signal });
    // The server's reason must be here in time, too.
    return answer.ok ? answer : new Response(await answer.blob(), answer);
  } finally {
    clearTimeout(timer);
  }
}
