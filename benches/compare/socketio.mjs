// Socket.IO as its guide to performance sets it up: WebSocket alone, unpacked, without the request that each connection
// began with; ws takes the native bufferutil by itself when it is installed. Rooms in memory, no history.
//
//   ?room=ROOM in the handshake   joins it
//   POST /rooms/ROOM              a message, to all who are in it
//
// node socketio.mjs HOST:PORT DIRECTORY: where socket.io is installed.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { Server } = createRequire(`${process.argv[3]}/`)('socket.io');

const [host, port] = process.argv[2].split(':');
// Bytes of a message; more than that ends the connection.
const messageBytesMax = 65536;

const server = createServer((request, response) => {
  let content = '';
  request.setEncoding('utf8');
  request.on('data', (piece) => {
    content += piece;
    if (content.length > messageBytesMax) request.destroy();
  });
  request.on('end', () => {
    io.to(request.url.slice('/rooms/'.length)).emit('message', content);
    response.writeHead(201, { 'Content-Length': 0 });
    response.end();
  });
});
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  socket.join(socket.handshake.query.room);
  socket.conn.request = null;
});
server.listen(Number(port), host);
