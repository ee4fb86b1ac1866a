// One panel: a button and the frame that it opens, in the shadow root of an element. Before somebody opens it, or has
// opened it in this tab, nothing is loaded and nothing is kept.

import { catalogue } from './catalogue.js';
import { cover } from './cover.js';
import { guarded, icon, make, put, whenIdle } from './dom.js';
import { createFrame } from './frame.js';
import { createIdentity } from './identity.js';
import { ORIGIN } from './origin.js';
import { beforeStar, check, languageOf, read, themeOf } from './settings.js';
import { styles } from './style.js';

const BADGE_MAX = 9;
const BUBBLE = 'M4 5h16v11H10l-6 4z';
const DOWN = 'M6 9l6 6 6-6';

/** @param {HTMLElement} element @param {() => void} end takes the panel out of the page for good @returns {Panel} */
export function createPanel(element, end) {
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
  let isPlanned = false;
  /** The theme and the language that are drawn. */
  let drawn = '';
  let unread = 0;
  /** The position of the newest message that the frame has told of. */
  let heard = 0;
  let failure = '';
  /** @type {ReturnType<typeof createFrame> | undefined} */
  let frame;
  /** Uncovers the page. @type {(() => undefined) | undefined} */
  let uncover;
  /** The element that the focus returns to. @type {HTMLElement | null} */
  let opener = null;

  const identity = createIdentity((token) => frame?.post({ kind: 'identity', token }));

  const page = () => `${ORIGIN}/${settings.room}`;

  /** @param {string} name @param {object} [detail] */
  const emit = (name, detail = {}) => element.dispatchEvent(new CustomEvent(`millchat:${name}`, { detail }));

  /** Keeps for the next pages of this tab that somebody has opened the panel, or returns what was kept.
   *  @param {string} [state] */
  function kept(state) {
    try {
      const name = `millchat:${settings.room}`;
      if (state === '') delete sessionStorage[name];
      return state ? (sessionStorage[name] = state) : sessionStorage[name];
    } catch {
      // The next page begins with a closed panel.
    }
  }

  /** Shows what messages change once for each picture of the page. */
  function plan() {
    if (!isPlanned) requestAnimationFrame(render);
    isPlanned = true;
  }

  /** Shows the settings and the state, here and in the frame. */
  function render() {
    isPlanned = false;
    const { accent = '', lang, launcher: shown, name = '', room, theme } = settings;
    const text = settings.label || catalogue[languageOf(lang)]['panel-label'];
    const title = settings.title || text;
    const colours = themeOf(theme);
    drawn = colours + languageOf(lang);
    sheet.replaceSync(styles(settings, colours, { ...panel, isOpen, isReady, isWhole: uncover !== undefined }));
    put(launcher, { title: text, 'aria-label': unread ? `${text} (${unread})` : text, 'aria-expanded': `${isOpen}` });
    launcher.firstElementChild?.replaceWith(icon(isOpen ? DOWN : BUBBLE));
    launcher.hidden = shown === 'off' || !room;
    label.textContent = text;
    put(badge, { 'data-n': unread > BADGE_MAX ? `${BADGE_MAX}+` : `${unread}` });
    badge.hidden = !unread;
    pane.hidden = !isOpen;
    const role = panel.isFloating ? 'dialog' : 'region';
    put(pane, { role, 'aria-label': title, 'aria-modal': `${uncover !== undefined}`, 'aria-busy': `${!isReady}` });
    if (panel.isFloating) put(launcher, { 'aria-haspopup': 'dialog' });
    put(way, { href: page() });
    way.textContent = `${text} ↗`;
    way.hidden = !failure;
    if (!frame) return;
    frame.element.title = title;
    frame.element.hidden = failure !== '';
    frame.post({ kind: 'set', theme: colours, accent, title: settings.title ?? '', name });
    frame.post({ kind: 'shown', shown: isOpen, heard });
  }

  /** @param {string} kind @param {any} detail */
  function take(kind, detail) {
    // Escape is no way out of an inline one.
    if (kind === 'close') return void ((panel.isFloating || !detail.key) && close());
    if (kind === 'unread') {
      if (isOpen || detail.count === unread) return;
      unread = detail.count;
      plan();
    }
    if (kind === 'message') heard = detail.position;
    if (kind === 'ready') {
      const hadFocus = root.activeElement === pane;
      isReady = true;
      failure = '';
      render();
      if (hadFocus) focus();
      identity.need();
    }
    if (kind === 'need-identity') return identity.need(true);
    emit(kind, detail);
  }

  // Another document is in the frame.
  function greeted() {
    isReady = false;
    heard = 0;
    render();
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
    const { accent, lang, room, theme, title } = settings;
    if (frame || !room) return;
    const src = new URL(`${ORIGIN}/embed/${room}`);
    const vouched = identity.isSet() ? '1' : '';
    const values = { lang: languageOf(lang), theme: themeOf(theme), accent, title, host: location.origin, vouched };
    for (const [name, value] of Object.entries(values)) if (value) src.searchParams.set(name, value);
    frame = createFrame(pane, src.href, title ?? '', { greeted, take, fail });
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
    if (room && beforeStar(room) !== settings.room) set({ room });
    if (!settings.room) return;
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

  /** @param {any} source */
  function identify(source) {
    if (source !== null && !/^(string|function)$/.test(typeof source)) throw new TypeError('Millchat: identify');
    const wasSet = identity.isSet();
    identity.set(source);
    // The document of nobody is another one.
    if (frame && !wasSet) reload();
    else if (isReady) identity.need();
  }

  function reload() {
    unload();
    unread = 0;
    queueMicrotask(load);
  }

  // Reads the attributes. Of several changes at once the frame hears together.
  function change() {
    const { lang, room, token } = settings;
    const next = read(element);
    if (!next.room) close();
    settings = next;
    if (token !== next.token) identify(next.token ?? null);
    if (!frame || (lang === settings.lang && room === settings.room)) return;
    reload();
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
    get settings() {
      return settings;
    },
    change,
    render,
    adapt() {
      if (themeOf(settings.theme) + languageOf(settings.lang) !== drawn) render();
    },
    attached() {
      small.onchange = fit;
      dark.onchange = render;
      const state = kept();
      if (frame) frame.wait();
      else if (state === 'open' && !small.matches) open({ focus: false });
      else if (state) whenIdle(load);
      fit();
    },
    detached() {
      small.onchange = dark.onchange = null;
      isReady = false;
      fit();
    },
    remove() {
      identity.set();
      close();
      kept('');
      unload();
      settings = {};
      element.remove();
    },
    handle: {
      open,
      close,
      toggle,
      set,
      identify,
      on(name, listener) {
        const heard = (/** @type {any} */ { detail }) => guarded(listener, detail);
        element.addEventListener(`millchat:${name}`, heard);
        return () => element.removeEventListener(`millchat:${name}`, heard);
      },
      destroy: end,
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
