// Follows a room with an ordinary EventSource and nothing else. Each event is one line of
// JSON on stdout; it runs until it is killed.

import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
const tell = (event) => {
  // The source says "open" itself when it has a connection; that one is not from the stream.
  if (event.data === undefined) return;
  console.log(JSON.stringify({ event: event.type, id: event.lastEventId, data: event.data }));
};
for (const kind of [
  "start",
  "gap",
  "reset",
  "message",
  "edit",
  "delete",
  "reaction",
  "close",
  "open",
  "empty",
]) {
  source.addEventListener(kind, tell);
}
