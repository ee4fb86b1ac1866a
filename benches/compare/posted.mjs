// Reads a posted message, for the servers here: the body of the request.

// Bytes of a message; more than that ends the connection.
const messageBytesMax = 65536;

export function posted(request, response, take) {
  let content = '';
  request.setEncoding('utf8');
  request.on('data', (piece) => {
    content += piece;
    if (content.length > messageBytesMax) request.destroy();
  });
  request.on('end', () => {
    take(content);
    response.writeHead(201, { 'Content-Length': 0 });
    response.end();
  });
}
