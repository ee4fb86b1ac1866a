// The desk of rooms of visitors in a panel: it gives nobody's first message to the room that is theirs, and shows that
// room instead of itself.

import { goTo } from './bearer.js';
import { base, isPanel } from './dom.js';
import { keyOf, leaveDraftTo, replaceText } from './draft.js';

/** This panel is a desk. */
export const isDesk = isPanel && document.body.dataset.desk !== undefined;

/** Goes to the room of whoever reads. @param {string} [text] is sent there before */
export async function goToOwnRoom(text) {
  const answer = await fetch(`${base}/own`, { method: 'POST' });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const { room } = await answer.json();
  const address = `/embed/${room}`;
  if (text) {
    const body = JSON.stringify({ content: text, key: keyOf(text) });
    const headers = { 'Content-Type': 'application/json' };
    const sent = await fetch(`${address}/messages`, { method: 'POST', headers, body });
    if (!sent.ok) throw new Error(`status ${sent.status}`);
    replaceText('');
  }
  leaveDraftTo(room);
  goTo(address + location.search);
}
