// One panel: a button and the frame that it opens, in the shadow root of an element. Before somebody opens it, or has
// opened it in this tab, nothing is loaded and nothing is kept.

import { catalogue } from './catalogue.js';
import { cover } from './cover.js';
import { guarded, icon, make, put } from './dom.js';
import { createFrame } from './frame.js';
import { ORIGIN } from './origin.js';
import { check, languageOf, read, themeOf } from './settings.js';
import { styles } from './style.js';

const BADGE_MAX = 9;
const BUBBLE = 'M4 5h16v11H10l-6 4z';
const DOWN = 'M6 9l6 6 6-6';

/** @param {HTMLElement} element @returns {Panel} */
export function createPanel(element) {
  const root = element.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  const label = make('span', { id: 'label' });
  const badge = make('span', { id: 'badge', part: 'badge', 'aria-hidden': 'true' });
  const button = { id: 'launcher', part: 'launcher', 'aria-controls': 'panel' };
  const launcher = make('button', button, icon(''), label, badge);
  const way = make('a', { target: '_blank' });
  const pane = make('div', { id: 'panel', part: 'panel', tabindex: '-1' }, way);
  root.adoptedStyleSheets = [sheet];
  root.append(launcher, pane);

  const small = matchMedia('(max-width:480px),(max-height:480px)');
  const dark = matchMedia('(prefers-color-scheme:dark)');
  /** @type {Settings} */
  let settings = {};
  let isOpen = false;
  let isReady = false;
  let unread = 0;
  let failure = '';
  /** @type {ReturnType<typeof createFrame> | undefined} */
  let frame;
  /** Uncovers the page. @type {(() => undefined) | undefined} */
  let uncover;
  /** The element that the focus returns to. @type {HTMLElement | null} */
  let opener = null;

  const page = () => `${ORIGIN}/${settings.room}`;

  /** @param {string} name @param {object} [detail] */
  const emit = (name, detail = {}) => element.dispatchEvent(new CustomEvent(`millchat:${name}`, { detail }));

  /** Keeps for the next pages of this tab that somebody has opened the panel, or returns what was kept.
   *  @param {string} [state] */
  function kept(state) {
    try {
      const name = `millchat:${settings.room}`;
      return state === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, state);
    } catch {
      // The next page begins with a closed panel.
    }
  }

  /** Shows the settings and the state, here and in the frame. */
  function render() {
    const { accent = '', lang, launcher: shown, name = '', theme } = settings;
    const code = languageOf(lang);
    const words = catalogue[code];
    const text = settings.label || words['panel-label'];
    const title = settings.title || words['panel-label'];
    const colours = themeOf(theme);
    sheet.replaceSync(styles(settings, colours, { ...panel, isOpen, isReady, isWhole: uncover !== undefined }));
    put(launcher, { title: text, 'aria-label': unread ? `${text} (${unread})` : text, 'aria-expanded': `${isOpen}` });
    launcher.firstElementChild?.replaceWith(icon(isOpen ? DOWN : BUBBLE));
    launcher.hidden = shown === 'off';
    label.textContent = text;
    put(badge, { 'data-n': unread > BADGE_MAX ? `${BADGE_MAX}+` : `${unread}` });
    badge.hidden = !unread;
    pane.hidden = !isOpen;
    const role = panel.isFloating ? 'dialog' : 'region';
    put(pane, { role, 'aria-label': title, 'aria-modal': `${uncover !== undefined}`, 'aria-busy': `${!isReady}` });
    way.lang = code;
    if (panel.isFloating) put(launcher, { 'aria-haspopup': 'dialog' });
    put(way, { href: page() });
    way.textContent = words['panel-window'];
    way.hidden = !failure;
    if (!frame) return;
    frame.element.title = title;
    frame.element.hidden = failure !== '';
    frame.post({ kind: 'set', theme: colours, accent, title: settings.title ?? '', name });
    frame.post({ kind: 'shown', shown: isOpen });
  }

  /** @param {string} kind @param {any} detail */
  function take(kind, detail) {
    if (kind === 'close') return close();
    const isNew = kind === 'message' && !isOpen && !detail.own;
    if (isNew) unread += 1;
    if (kind === 'ready') {
      const hadFocus = root.activeElement === pane;
      isReady = true;
      failure = '';
      render();
      if (hadFocus) focus();
    } else {
      render();
    }
    emit(kind, detail);
    if (isNew) emit('unread', { count: unread });
  }

  /** @param {string} code */
  function fail(code) {
    if (isReady || failure) return;
    failure = code;
    console.error(`Millchat: ${code}: frame-src ${ORIGIN}; embed-origins ${location.origin}`);
    render();
    emit('error', { code });
  }

  function load() {
    if (frame) return;
    const { accent, lang, room, theme, title } = settings;
    const src = new URL(`${ORIGIN}/embed/${room}`);
    const values = { lang: languageOf(lang), theme: themeOf(theme), accent, title, host: location.origin };
    for (const [name, value] of Object.entries(values)) if (value) src.searchParams.set(name, value);
    frame = createFrame(pane, src.href, title ?? '', { greeted: render, take, fail });
  }

  function unload() {
    frame?.remove();
    frame = undefined;
    isReady = false;
    failure = '';
  }

  // Covers the page where the screen is small.
  function fit() {
    const isWhole = panel.isFloating && isOpen && small.matches && element.isConnected;
    if (!isWhole) uncover = uncover?.();
    else uncover ??= cover(render, close);
    render();
  }

  function focus() {
    if (!isReady) return pane.focus();
    frame?.element.focus();
    frame?.post({ kind: 'focus' });
  }

  /** @param {{ room?: string, focus?: boolean }} [how] */
  function open({ room = settings.room, focus: takesFocus = true } = {}) {
    if (room && room !== settings.room) set({ room });
    if (failure) return void window.open(page(), '_blank', 'noopener');
    if (!isOpen) {
      opener = /** @type {HTMLElement | null} */ (document.activeElement);
      isOpen = true;
      if (unread) emit('unread', { count: (unread = 0) });
      load();
      fit();
      kept('open');
      emit('open');
    }
    if (takesFocus) focus();
  }

  function close() {
    if (!isOpen) return;
    const hadFocus = pane.contains(root.activeElement);
    isOpen = false;
    fit();
    kept('closed');
    const isElsewhere = opener?.isConnected && opener !== element && opener !== document.body;
    if (hadFocus) (isElsewhere ? /** @type {HTMLElement} */ (opener) : launcher).focus({ preventScroll: true });
    emit('close');
  }

  const toggle = () => (isOpen ? close() : open());

  /** @param {Record<string, string>} changes */
  function set(changes) {
    check(changes);
    put(element, changes);
  }

  // Reads the attributes.
  function change() {
    const { lang, room } = settings;
    settings = read(element);
    if (frame && (lang !== settings.lang || room !== settings.room)) {
      unload();
      unread = 0;
      load();
    }
    render();
  }

  launcher.onclick = toggle;
  root.addEventListener('keydown', (event) => {
    if (!isOpen || !panel.isFloating || /** @type {KeyboardEvent} */ (event).key !== 'Escape') return;
    event.preventDefault();
    close();
  });

  /** @type {Panel} */
  const panel = {
    isFloating: false,
    others: 0,
    element,
    change,
    render,
    attached() {
      small.onchange = fit;
      dark.onchange = render;
      frame?.wait();
      const state = kept();
      if (state === 'open' && !small.matches) open({ focus: false });
      else if (state) load();
      fit();
    },
    detached() {
      small.onchange = dark.onchange = null;
      isReady = false;
      fit();
    },
    handle: {
      open,
      close,
      toggle,
      set,
      identify() {
        console.error('Millchat: no identify yet');
      },
      on(name, listener) {
        const heard = (/** @type {any} */ { detail }) => guarded(listener, detail);
        element.addEventListener(`millchat:${name}`, heard);
        return () => element.removeEventListener(`millchat:${name}`, heard);
      },
      destroy() {
        close();
        kept('');
        unload();
        element.remove();
      },
      get isOpen() {
        return isOpen;
      },
      get unread() {
        return unread;
      },
    },
  };
  return panel;
}
