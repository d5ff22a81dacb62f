import { type DevServer, shows } from '../dev-server.js';

const SERVER = `
import { createServer } from 'node:http';
import { Server } from 'socket.io';
const page = '<h1>marker-1</h1><ul></ul><script src="/socket.io/socket.io.js"></script><script>' +
  'const socket = io({ transports: ["websocket"] });' +
  'socket.on("echo", (text) => document.querySelector("ul").append("echo " + text));' +
  'window.say = (text) => socket.emit("say", text);</script>';
const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page));
new Server(server).on('connection', (socket) => socket.on('say', (text) => socket.emit('echo', text)));
server.listen(process.argv[2], '127.0.0.1');
`;

export const socketIo: DevServer = {
  name: 'socket.io',
  packages: { npm: { 'socket.io': '^4.8.4' } },
  files: { 'server.mjs': SERVER },
  command: (port) => ['node', 'server.mjs', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    socket: async ({ page, token }) => {
      await page.evaluate((text) => (globalThis as unknown as { say(text: string): void }).say(text), token);
      await shows(page, `echo ${token}`);
    },
  },
};
