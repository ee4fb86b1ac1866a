// Types that modules of the script share. Only the type checker reads this.

/** A row of the list. `rows` adds the properties. */
type Row = HTMLLIElement & { at?: number; day?: string; name?: string; head?: Row; nth?: number };

/** A message on its way. */
interface Entry {
  key: string;
  content: string;
  /** The id of its author: a key counts for one author. */
  author: string;
  /** The time at which it was written. */
  at: number;
  /** The position of the message that it replies to. */
  replyTo?: string;
  /** That message is gone. */
  isOrphan?: boolean;
  state: 'waiting' | 'sending' | 'resting' | 'sent' | 'failed';
  tries: number;
  /** The cause of the failure may pass by itself. */
  isTemporary: boolean;
  timer?: number;
  row?: HTMLElement & { entry?: Entry };
}

/** The values of a message of the catalogue, by name. `count` decides its form. */
type Values = Record<string, string | number>;

/** A tab says its place. */
interface TabPlace {
  kind: 'here';
  id: string;
  room: string;
  /** The place of its page. */
  place: string;
  /** The time at which somebody last began to look at it. */
  shownAt: number;
}

/** The messages between the tabs of a browser. */
type TabMessage =
  | TabPlace
  /** Asks every tab for its place. */
  | { kind: 'roll-call' }
  | { kind: 'gone'; id: string }
  /** Asks the leader to open the connection again. */
  | { kind: 'reopen'; why: 'lost' | 'changed' }
  /** The leader has heard the request. */
  | { kind: 'ack' }
  /** A stream of these rooms was opened from these places. */
  | { kind: 'opened'; number: number[]; open: Map<string, string> }
  /** An event of that stream, which belongs to this room. */
  | { kind: 'event'; number: number[]; room: string; type: string; argsRaw: Record<string, string> };

interface DocumentEventMap {
  /** Datastar's own event: a step of a request, or an event of its stream with its lines of data by name. */
  'datastar-fetch': CustomEvent<{ type: string; el: HTMLElement; argsRaw: Record<string, string> }>;
}

interface WindowEventMap {
  'datastar-fetch': DocumentEventMap['datastar-fetch'];
}
