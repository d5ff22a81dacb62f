import { type DevServer, shows } from '../dev-server.js';

/** Logs in with a cookie for `localhost` and redirects absolutely, as many services of one developer do. */
const SERVER = `
import express from 'express';
import session from 'express-session';
const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(session({ secret: 's', resave: false, saveUninitialized: false, cookie: { domain: 'localhost' } }));
app.get('/', (request, response) => response.send('<h1>marker-1</h1><p>hello ' + (request.session.name ?? 'no one') +
  '</p><form method="post" action="/login"><input name="name" aria-label="name"><button>Log in</button></form>'));
app.post('/login', (request, response) => {
  request.session.name = request.body.name;
  response.redirect(request.protocol + '://' + request.get('host') + '/');
});
app.listen(process.argv[2], '127.0.0.1');
`;

export const express: DevServer = {
  name: 'Express with sessions',
  packages: { npm: { express: '^5.1.0', 'express-session': '^1.19.0' } },
  files: { 'server.mjs': SERVER },
  command: (port) => ['node', 'server.mjs', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    signIn: async ({ page, url, token }) => {
      await page.getByLabel('name').fill(token);
      await page.getByRole('button', { name: 'Log in' }).click();
      await shows(page, `hello ${token}`);
      if (page.url() !== `${url}/`) throw new Error(`the redirect led to ${page.url()}`);
    },
  },
};
