// Signing in from a panel. No frame shows the pages of signing in, so a window does; whoever signs in says there that
// the panel may know them. What the window says counts only if it is the one that was opened here, and knows its
// number.

import { askWho, guestToken, holdToken } from './bearer.js';
import { isPanel, problem, room } from './dom.js';
import { fetchOwn } from './guest.js';
import { localize } from './i18n.js';

const NUMBER_BYTES = 16;
const WINDOW = 'popup,width=480,height=680';

/** @type {Window | null} */
let opened = null;
let number = '';

/** @param {HTMLAnchorElement} way */
function open(way) {
  const bytes = crypto.getRandomValues(new Uint8Array(NUMBER_BYTES));
  number = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const to = `${new URL(way.href).searchParams.get('to')}?panel=${number}&room=${room}`;
  opened = window.open(`/auth?to=${encodeURIComponent(to)}`, '_blank', WINDOW);
  problem.textContent = opened ? '' : localize('panel-sign-in-apart');
}

/** @param {string} token */
async function signIn(token) {
  const guest = guestToken();
  holdToken(token);
  // What the guest wrote is the user's, who is that guest again when this document ends.
  const answer = guest ? await askWho('PUT', { guest }).catch(() => undefined) : undefined;
  if (answer?.ok) holdToken((await answer.json()).token);
  fetchOwn();
}

async function signOut() {
  const answer = await askWho('DELETE').catch(() => undefined);
  // A document holds its user until it ends.
  if (answer?.ok) return location.reload();
  problem.textContent = localize('name-unanswered');
}

if (isPanel) {
  document.addEventListener('click', (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const way = target.closest('a#sign-in');
    if (way instanceof HTMLAnchorElement) {
      event.preventDefault();
      open(way);
    } else if (target.closest('#sign-out')) {
      signOut();
    }
  });
  window.addEventListener('message', ({ source, origin, data }) => {
    if (!opened || source !== opened || origin !== location.origin) return;
    if (data?.kind !== 'signed-in' || data.number !== number || typeof data.token !== 'string') return;
    opened = null;
    signIn(data.token);
  });
}
