// The obvious first version: a chat over server-sent events in plain Node, rooms in memory, no history.
//
//   GET /rooms/ROOM    the stream
//   POST /rooms/ROOM   a message to all readers

import { createServer } from 'node:http';
import { posted } from './posted.mjs';

const [host, port] = process.argv[2].split(':');
const rooms = new Map();

createServer((request, response) => {
  let readers = rooms.get(request.url);
  if (!readers) rooms.set(request.url, (readers = new Set()));
  if (request.method === 'GET') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    readers.add(response);
    response.on('close', () => readers.delete(response));
    return;
  }
  posted(request, response, (content) => {
    const frame = Buffer.from(`data: ${content}\n\n`);
    for (const reader of readers) reader.write(frame);
  });
}).listen(Number(port), host);
