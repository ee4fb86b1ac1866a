// Types that modules of the loader share. Only the type checker reads this.

/** The settings of a panel that were given and are right. */
type Settings = Record<string, string | undefined>;

/** The calls of a panel that the page of the host has. */
interface PanelHandle {
  open(how?: { room?: string; focus?: boolean }): void;
  close(): void;
  toggle(): void;
  set(changes: Record<string, string>): void;
  identify(source: string | null | (() => string | null | Promise<string | null>)): void;
  on(name: string, listener: Function): () => void;
  destroy(): void;
  readonly isOpen: boolean;
  readonly unread: number;
}

/** A panel, as the loader knows it. */
interface Panel {
  element: HTMLElement;
  isFloating: boolean;
  /** The buttons below its own. */
  others: number;
  handle: PanelHandle;
  readonly settings: Settings;
  /** Copies the attributes of a script. */
  source?: MutationObserver;
  /** Reads the attributes again. */
  change(): void;
  render(): void;
  /** Draws it again if the page has other colours, or another language. */
  adapt(): void;
  /** The element was put into the document, or out of it. */
  attached(): void;
  detached(): void;
  /** Goes out of the document and keeps nothing. */
  remove(): void;
}

interface CloseWatcher {
  onclose: (() => void) | null;
  destroy(): void;
}

interface Window {
  Millchat?: object;
  CloseWatcher?: new () => CloseWatcher;
}
