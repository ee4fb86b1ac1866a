// The rooms that were open in this browser lately, for the menu. The server does not know them: a room's
// address is what opens it.

import { isPanel, menu, recentRooms, room } from './dom.js';
import { sorted } from './intl.js';
import { load, save } from './storage.js';

const ROOMS = 'millchat:rooms';
const ROOMS_MAX = 12;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** @returns {string[]} */
function recent() {
  try {
    const list = JSON.parse(load(ROOMS) || '[]');
    return list.filter((/** @type {unknown} */ name) => typeof name === 'string' && NAME.test(name));
  } catch {
    return [];
  }
}

/** @param {string[]} list */
function remember(list) {
  save(ROOMS, JSON.stringify(list));
}

function show() {
  const others = sorted(recent().filter((name) => name !== room));
  recentRooms.hidden = others.length === 0;
  const links = others.map((name) => {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = `/${name}`;
    link.className = 'quiet';
    const isolated = document.createElement('bdi');
    isolated.textContent = name;
    link.append(isolated);
    item.append(link);
    return item;
  });
  recentRooms.querySelector('ul')?.replaceChildren(...links);
}

recentRooms.querySelector('button')?.addEventListener('click', () => {
  remember([room]);
  show();
});
// Another tab can have opened a room in the meantime.
menu.addEventListener('beforetoggle', show);

if (!isPanel) {
  remember([room, ...recent().filter((name) => name !== room)].slice(0, ROOMS_MAX));
  show();
}
