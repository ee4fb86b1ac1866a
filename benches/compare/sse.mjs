// What most people would write first: a chat over server-sent events in plain Node, rooms in memory, no history.
//
//   GET /rooms/ROOM    the stream
//   POST /rooms/ROOM   a message, to all who read

import { createServer } from 'node:http';

const [host, port] = process.argv[2].split(':');
const rooms = new Map();
// Bytes of a message; more than that ends the connection.
const messageBytesMax = 65536;

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
  let content = '';
  request.setEncoding('utf8');
  request.on('data', (piece) => {
    content += piece;
    if (content.length > messageBytesMax) request.destroy();
  });
  request.on('end', () => {
    const frame = Buffer.from(`data: ${content}\n\n`);
    for (const reader of readers) reader.write(frame);
    response.writeHead(201, { 'Content-Length': 0 });
    response.end();
  });
}).listen(Number(port), host);
