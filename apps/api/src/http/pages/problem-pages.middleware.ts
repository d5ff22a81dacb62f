import { setProblemForm } from '@culvert/nest';
import type { NextFunction, Request, Response } from 'express';
import { html } from './html.js';
import type { Pages } from './pages.js';

/** Shows errors of addresses outside the API as pages to people with a browser. */
export function showPagesToPeople(pages: Pages) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (isNavigation(request) && !request.path.startsWith('/api/')) {
      setProblemForm(response, ({ code, title, detail }) => ({
        type: 'text/html; charset=utf-8',
        body: pages.write(
          response,
          code === 'route_not_found'
            ? {
                title: 'Page not found',
                body: html`<p>No page of Culvert has this address. Check it for typing mistakes.</p>
                  <p><a href="/">Go to the dashboard</a></p>`,
              }
            : { title, body: html`<p>${detail}</p>` },
        ),
      }));
    }
    next();
  };
}

/** Reports whether a person navigates to this address, rather than a script or a program requesting it. */
function isNavigation({ method, headers }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const mode = headers['sec-fetch-mode'];
  // Browsers of before 2023 do not send it.
  return mode === undefined ? (headers.accept ?? '').includes('text/html') : mode === 'navigate';
}
