// What the parts of the script may rely on: the elements that every page of a room has, and the events by which
// the parts speak to each other. Only the check of types reads this.

/** A row of the list. What it carries beside its markup is put there by `rows`. */
type Row = HTMLLIElement & { at?: number; day?: string; name?: string; head?: Row; nth?: number };

/** A message on its way. */
interface Entry {
  key: string;
  content: string;
  /** Who wrote it: a key counts for one author. */
  author: string;
  /** When it was written. */
  at: number;
  /** The position of the message that it answers. */
  replyTo?: string;
  /** Whether that is not there any more. */
  orphan?: boolean;
  state: 'waiting' | 'sending' | 'resting' | 'sent' | 'failed';
  tries: number;
  /** Whether what stopped it may pass by itself. */
  passing: boolean;
  timer?: number;
  row?: HTMLLIElement & { entry?: Entry };
}

/** What goes into a message, by name. `count` decides its form. */
type Values = Record<string, string | number>;

/** The messages of the reader's language: one text, or a text for each plural category. */
declare const catalogue: Record<string, string | Record<string, string>>;

/** The reader's language, as `words.js` offers it. */
declare var words: {
  /** For dates, numbers and lists. */
  locale: string;
  /** A message with these values. */
  text(id: string, values?: Values): string;
};

/** What the browser keeps: texts by name, an empty one for none. */
declare var store: {
  kept(name: string, area?: 'localStorage' | 'sessionStorage'): string;
  keep(name: string, text: string, area?: 'localStorage' | 'sessionStorage'): void;
};

/** Where a tab is. */
interface Here {
  kind: 'here';
  id: string;
  room: string;
  /** The place of its page. */
  place: string;
  /** When somebody last began to look at it. */
  shownAt: number;
}

/** What the tabs of a browser say to each other. */
type TabMessage =
  | Here
  /** All are to say where they are. */
  | { kind: 'roll' }
  | { kind: 'gone'; id: string }
  /** The connection is to be opened anew, and that this was heard. */
  | { kind: 'reopen'; why: 'lost' | 'changed' }
  | { kind: 'word' }
  /** A stream was opened, of these rooms from these places. */
  | { kind: 'opened'; number: number[]; open: Map<string, string> }
  /** An event of that stream which belongs to this room. */
  | { kind: 'event'; number: number[]; room: string; type: string; argsRaw: Record<string, string> };

interface Document {
  getElementById(
    id: 'scroller' | 'messages' | 'outbox' | 'composer' | 'problem' | 'typists' | 'comings' | 'people' | 'stream' | 'seeker' | 'state' |
      'menu' | 'choices' | 'notify-problem' | 'lately',
  ): HTMLElement;
  getElementById(id: 'latest'): HTMLButtonElement;
  getElementById(id: 'pending' | 'unsent' | 'tools' | 'hole' | 'quote'): HTMLTemplateElement;
  getElementById(id: 'notify' | 'sound'): HTMLInputElement;
  getElementById(id: 'deleting'): HTMLDialogElement;
  getElementById(id: 'draft'): HTMLTextAreaElement | null;
  getElementById(id: 'writer'): HTMLFormElement | null;
}

interface DocumentEventMap {
  'datastar-fetch': CustomEvent<{ type: string; el: HTMLElement; argsRaw: Record<string, string> }>;
  /** A text was written and is to be sent, or is to be the new text of the message that is edited. */
  'text-send': CustomEvent<{ content: string; replyTo?: string }>;
  'text-save': CustomEvent<string>;
  /** The message at this position is to be answered again, by a text that comes back. */
  'reply-back': CustomEvent<string>;
  /** A text comes back to the field it was written in. */
  'text-back': CustomEvent<string>;
  /** This row is to be in sight. */
  'row-show': CustomEvent<Row>;
  /** What surrounds this position is to be brought into the page; and it is there, or cannot be. */
  'position-seek': CustomEvent<number>;
  sought: Event;
  /** An edit is put aside, for something else that is written. */
  'edit-leave': Event;
  /** The stream is there again. */
  'stream-back': Event;
}

interface WindowEventMap {
  'datastar-fetch': DocumentEventMap['datastar-fetch'];
}
