import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@culvert/nest';
import { previewUrl, type Settings } from '@culvert/runtime';
import { Html, html } from './html.js';
import { STYLESHEET } from './stylesheet.js';

/** The part of a response that a page is written to. */
export interface PageTarget {
  status(code: number): this;
  type(type: string): this;
  setHeader(name: string, value: string): this;
  send(body: string): unknown;
}

/** A page for people on the app host. */
export interface Page {
  readonly title: string;
  /** Markup below the title. */
  readonly body: Html;
  /** Default: 200. */
  readonly status?: number;
  /** Origins that the response to a form of this page can redirect to, beside the app and previews. */
  readonly formTargets?: readonly string[];
}

// Kept out of templates: escaping would change it, and its hash would no longer match.
const STYLE = new Html(`<style>${STYLESHEET}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLESHEET).digest('base64');

/** Sends pages that need no script, load nothing, and cannot be framed. */
@Injectable()
export class Pages {
  private readonly formTargets: readonly string[];

  constructor(@Inject(SETTINGS) settings: Settings) {
    // Browsers check every redirect after a form against `form-action`: signing in can lead back to a preview.
    this.formTargets = ["'self'", previewUrl(settings, `*.${settings.public.previewDomain}`)];
  }

  send(response: PageTarget, page: Page): void {
    response
      .status(page.status ?? 200)
      .type('html')
      .send(this.write(response, page));
  }

  /** Sets the headers that the page needs. Returns its markup, for callers that send it themselves. */
  write(response: PageTarget, { title, body, formTargets = [] }: Omit<Page, 'status'>): string {
    response
      .setHeader(
        'Content-Security-Policy',
        [
          "default-src 'none'",
          `style-src 'sha256-${STYLE_HASH}'`,
          `form-action ${[...this.formTargets, ...formTargets].join(' ')}`,
          "base-uri 'none'",
          "frame-ancestors 'none'",
        ].join('; '),
      )
      // Not `no-referrer`: browsers would then send forms with `Origin: null`, and forms are checked by their origin.
      .setHeader('Referrer-Policy', 'same-origin');
    return render(title, body).markup;
  }
}

function render(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Culvert</title>
        ${STYLE}
      </head>
      <body>
        <main>
          <p class="brand">Culvert</p>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `;
}
