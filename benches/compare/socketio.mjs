// Socket.IO as its guide to performance advises: WebSocket alone, uncompressed, without the initial request of
// each connection. ws uses the native bufferutil by itself when it is installed. Rooms in memory, no history.
//
//   ?room=ROOM in the handshake   joins it
//   POST /rooms/ROOM              a message to all readers in it
//
// node socketio.mjs HOST:PORT DIRECTORY: where socket.io is installed.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { posted } from './posted.mjs';

const { Server } = createRequire(`${process.argv[3]}/`)('socket.io');

const [host, port] = process.argv[2].split(':');
const server = createServer((request, response) => {
  posted(request, response, (content) => io.to(request.url.slice('/rooms/'.length)).emit('message', content));
});
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  socket.join(socket.handshake.query.room);
  socket.conn.request = null;
});
server.listen(Number(port), host);
