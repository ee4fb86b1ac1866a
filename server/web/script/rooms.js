// The rooms that this browser was in lately, in the menu. The server does not know of it: a room's address is what
// opens it.

const ROOMS = 'millchat:rooms';
const ROOMS_MAX = 12;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

const room = document.body.dataset.room ?? '';
const lately = document.getElementById('lately');

/** @returns {string[]} */
function kept() {
  try {
    const list = JSON.parse(store.kept(ROOMS) || '[]');
    return list.filter((/** @type {unknown} */ name) => typeof name === 'string' && NAME.test(name));
  } catch {
    return [];
  }
}

/** @param {string[]} list */
function keep(list) {
  store.keep(ROOMS, JSON.stringify(list));
}

function show() {
  const others = kept().filter((name) => name !== room);
  lately.hidden = others.length === 0;
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
  lately.querySelector('ul')?.replaceChildren(...links);
}

lately.querySelector('button')?.addEventListener('click', () => {
  keep([room]);
  show();
});
// Another tab can have opened a room in the meantime.
document.getElementById('menu').addEventListener('beforetoggle', show);

keep([room, ...kept().filter((name) => name !== room)].slice(0, ROOMS_MAX));
show();
