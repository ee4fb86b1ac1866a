// Follows a room with an ordinary EventSource and nothing else. Each event is one line of
// JSON on stdout; it runs until it is killed.

import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
const tell = (event) =>
  console.log(JSON.stringify({ event: event.type, id: event.lastEventId, data: event.data }));
for (const kind of ["start", "gap", "reset", "message", "edit", "delete"]) {
  source.addEventListener(kind, tell);
}
