/** `color.js PORT TEXT`: an application that answers everything with TEXT, to its own host only. */
import http from 'node:http';

const [port = '', text = ''] = process.argv.slice(2);

http
  .createServer((_request, response) => response.end(text))
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
