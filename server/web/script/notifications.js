// Notifications and a sound, both off until somebody turns them on: when another person's message arrives and
// nobody looks at the page; or only when it mentions the reader. The choice counts for all rooms of this browser.
// Texts and names are passed on as text.

import { mentionsOnlyBox, messages, notificationChoices, notificationProblem } from './dom.js';
import { notifyBox, room, soundBox } from './dom.js';
import { localize } from './i18n.js';
import './mentions.js';
import { isSeen } from './seen.js';
import { load, save } from './storage.js';

const TEXT_CHARS_MAX = 160;
const NOTIFY = 'millchat:notify';
const MENTIONS_ONLY = 'millchat:notify-mentions';
const SOUND = 'millchat:sound';
const BEEP = { hertz: 660, volume: 0.08, seconds: 0.18 };

/** @type {AudioContext | undefined} */
let audio;

/** @param {string} name */
const isOn = (name) => load(name) === 'on';
/** @param {string} name @param {boolean} on */
const turn = (name, on) => save(name, on ? 'on' : '');

function isGranted() {
  return window.Notification?.permission === 'granted';
}

function beep() {
  if (!window.AudioContext) return;
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

/** @param {string} why */
function turnOff(why) {
  notifyBox.checked = false;
  turn(NOTIFY, false);
  notificationProblem.textContent = why;
}

/** Returns why the browser shows no notifications, if it does not. Some have them only for workers, and say so by
 *  an exception; where notifications are not allowed yet, making one shows nothing. */
async function refusal() {
  try {
    const probe = new Notification('Millchat', { tag: `millchat:${room}`, silent: true });
    probe.close?.();
    const allowed = (await Notification.requestPermission()) ?? Notification.permission;
    return allowed === 'granted' ? undefined : localize('notify-forbidden');
  } catch {
    return localize('notify-impossible');
  }
}

/** @param {HTMLElement} row */
function notify(row) {
  const name = row.querySelector('.name')?.textContent ?? 'Millchat';
  const body = (row.querySelector('.text')?.textContent ?? '').slice(0, TEXT_CHARS_MAX);
  try {
    // A mention is not replaced by the next message.
    const tag = `millchat:${room}${row.matches('.mentioned') ? ':mention' : ''}`;
    const shown = new Notification(`${name} · ${room}`, { body, tag, silent: true });
    shown.addEventListener('click', () => window.focus());
  } catch {
    turnOff(localize('notify-impossible'));
  }
}

notifyBox.addEventListener('change', async () => {
  notificationProblem.textContent = '';
  const why = notifyBox.checked ? await refusal() : undefined;
  if (why === undefined) turn(NOTIFY, notifyBox.checked);
  else turnOff(why);
});
mentionsOnlyBox.addEventListener('change', () => turn(MENTIONS_ONLY, mentionsOnlyBox.checked));
soundBox.addEventListener('change', () => {
  turn(SOUND, soundBox.checked);
  if (soundBox.checked) beep();
});

// Several messages at once are one notification, of the newest mention or the newest message; it replaces the one
// before.
new MutationObserver((records) => {
  if (isSeen()) return;
  const atEnd = records.filter((record) => record.nextSibling === null);
  const added = atEnd.flatMap(({ addedNodes }) => [...addedNodes]);
  const others = added.filter((node) => node instanceof HTMLElement && node.matches('.msg:not(.mine)'));
  const mentions = others.filter((row) => /** @type {HTMLElement} */ (row).matches('.mentioned'));
  const newest = /** @type {HTMLElement | undefined} */ (
    mentions.at(-1) ?? (mentionsOnlyBox.checked ? undefined : others.at(-1))
  );
  if (!newest) return;
  if (notifyBox.checked && isGranted()) notify(newest);
  if (soundBox.checked) beep();
}).observe(messages, { childList: true });

// Notifications exist only on pages that came by TLS or from this machine.
notifyBox.parentElement?.toggleAttribute('hidden', typeof window.Notification !== 'function');
notifyBox.checked = isOn(NOTIFY) && isGranted();
mentionsOnlyBox.checked = isOn(MENTIONS_ONLY);
soundBox.checked = isOn(SOUND);
notificationChoices.hidden = false;
