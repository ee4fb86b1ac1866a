// Tells the panel that opened this window who its user is, after a click. The message goes to pages of this server
// alone, whoever opened the window; and where the browser has parted the two, this window goes on by itself.
const ask = document.getElementById('ask');
const alone = document.getElementById('alone');
const problem = ask?.querySelector('p.problem');

/** @param {Window} panel */
async function tell(panel) {
  const answer = await fetch(ask?.dataset.path ?? '', { method: 'POST' });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const { token } = await answer.json();
  panel.postMessage({ kind: 'signed-in', number: ask?.dataset.panel, token }, location.origin);
  window.close();
}

const { opener } = window;
if (ask && alone && opener) {
  alone.hidden = true;
  ask.hidden = false;
  ask.querySelector('button')?.addEventListener('click', () => {
    problem?.setAttribute('hidden', '');
    tell(opener).catch(() => problem?.removeAttribute('hidden'));
  });
}
