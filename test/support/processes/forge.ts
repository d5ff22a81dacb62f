/** `forge.js ADDRESS PORT`: the part of GitHub's API that comments on pull requests need. Prints the body of each. */
import http from 'node:http';

const [address = '', port = ''] = process.argv.slice(2);

http
  .createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'GET') return void response.end('[]');
      process.stdout.write(`comment ${JSON.stringify(body)}\n`);
      response.statusCode = request.method === 'POST' ? 201 : 200;
      response.end(JSON.stringify({ id: 1, html_url: `http://${address}:${port}/example/orders/pull/17#1` }));
    });
  })
  .listen(Number(port), address, () => process.stdout.write('listening\n'));
