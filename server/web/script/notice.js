// Notifications and a sound, both off until somebody asks for them: when a message of another comes and nobody
// looks. What was chosen counts for all rooms of this browser. Texts and names are given as text.

const TEXT_CHARS_MAX = 160;
const NOTIFY = 'millchat:notify';
const SOUND = 'millchat:sound';
const BEEP = { hertz: 660, volume: 0.08, seconds: 0.18 };

const messages = document.getElementById('messages');
const problem = document.getElementById('notify-problem');
const notify = document.getElementById('notify');
const sound = document.getElementById('sound');
/** @type {AudioContext | undefined} */
let audio;

/** @param {string} name */
const isOn = (name) => store.kept(name) === 'on';
/** @param {string} name @param {boolean} on */
const turn = (name, on) => store.keep(name, on ? 'on' : '');

function beep() {
  audio ??= new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  const end = audio.currentTime + BEEP.seconds;
  tone.frequency.value = BEEP.hertz;
  volume.gain.setValueAtTime(BEEP.volume, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, end);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(end);
}

/** @param {HTMLElement} row */
function tell(row) {
  const name = row.querySelector('.name')?.textContent ?? 'Millchat';
  const body = (row.querySelector('.text')?.textContent ?? '').slice(0, TEXT_CHARS_MAX);
  const room = document.body.dataset.room;
  try {
    const shown = new Notification(`${name} · ${room}`, { body, tag: `millchat:${room}`, silent: true });
    shown.addEventListener('click', () => window.focus());
  } catch {
    // Some browsers show them only from a worker; the title still counts.
  }
}

notify.addEventListener('change', async () => {
  problem.textContent = '';
  if (notify.checked && (await Notification.requestPermission()) !== 'granted') {
    notify.checked = false;
    problem.textContent = words.text('notify-forbidden');
  }
  turn(NOTIFY, notify.checked);
});
sound.addEventListener('change', () => {
  turn(SOUND, sound.checked);
  if (sound.checked) beep();
});

// Many at once are one notice: the newest, in the place of the one before.
new MutationObserver((records) => {
  if (!document.hidden) return;
  const atEnd = records.filter((record) => record.nextSibling === null);
  const added = atEnd.flatMap(({ addedNodes }) => [...addedNodes]);
  const others = added.filter((node) => node instanceof HTMLElement && node.matches('.msg:not(.mine)'));
  const newest = /** @type {HTMLElement | undefined} */ (others.at(-1));
  if (!newest) return;
  if (notify.checked && Notification.permission === 'granted') tell(newest);
  if (sound.checked) beep();
}).observe(messages, { childList: true });

// Notifications exist only on pages that came by TLS or from this machine.
const able = 'Notification' in window;
/** @type {HTMLElement} */ (notify.parentElement).hidden = !able;
notify.checked = able && isOn(NOTIFY) && Notification.permission === 'granted';
sound.checked = isOn(SOUND);
document.getElementById('choices').hidden = false;
