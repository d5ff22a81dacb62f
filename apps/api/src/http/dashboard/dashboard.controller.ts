import { randomBytes } from 'node:crypto';
import { Controller, Get, Inject, Param, Req, Res, UseFilters } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { Public } from '@culvert/nest';
import type { Request, Response } from 'express';
import { RequireScope } from '../auth/require-scope.js';
import { PageFilter } from '../pages/page.filter.js';
import { html } from '../pages/html.js';
import { Pages } from '../pages/pages.js';
import { ENCODINGS, type DashboardFiles } from './dashboard-files.js';

export const DASHBOARD_FILES = Symbol('DASHBOARD_FILES');

/**
 * Sections of the dashboard: one address each, with everything below it. The dashboard's own table is
 * apps/dashboard/src/routes.ts.
 */
const SECTIONS = ['previews', 'connections', 'intercepts', 'api-keys', 'team', 'audit-log', 'profile'];

const PATHS = ['', ...SECTIONS.map((section) => `${section}{/*path}`)];

/** The dashboard: one page for signed-in people, and the files it loads, which contain nothing secret. */
@Controller()
@UseFilters(PageFilter)
export class DashboardController {
  constructor(
    @Inject(DASHBOARD_FILES) private readonly files: DashboardFiles | null,
    private readonly pages: Pages,
  ) {}

  @Get(PATHS)
  @RequireScope('user')
  page(@Res() response: Response): void {
    if (this.files === null) {
      this.pages.send(response, {
        title: 'The dashboard is not built',
        status: 503,
        body: html`<p>Run <code>npm run build</code> and start the server again.</p>
          <p><a href="/api/docs">API documentation</a></p>`,
      });
      return;
    }
    const nonce = randomBytes(16).toString('base64');
    response
      .setHeader('Content-Security-Policy', contentSecurityPolicy(nonce))
      // Not `no-referrer`: browsers would then send forms with `Origin: null`, and forms are checked by their origin.
      .setHeader('Referrer-Policy', 'same-origin')
      .type('html')
      .send(this.files.pageWith(nonce));
  }

  @Get('assets/:file')
  @Public()
  asset(@Param('file') name: string, @Req() request: Request, @Res() response: Response): void {
    const asset = this.files?.assets.get(name);
    if (asset === undefined)
      throw new ProblemError('not_found', { detail: 'the dashboard has no such file' });
    const { type, bytes, compressed } = asset;
    const accepted = new Set(request.acceptsEncodings());
    const encoding = ENCODINGS.find(
      ({ name: coding }) => accepted.has(coding) && compressed.has(coding),
    )?.name;
    if (encoding !== undefined) response.setHeader('Content-Encoding', encoding);
    response
      .setHeader('Cache-Control', 'public, max-age=31536000, immutable')
      .setHeader('Vary', 'Accept-Encoding')
      .setHeader('Content-Type', type)
      .send((encoding && compressed.get(encoding)) ?? bytes);
  }
}

/**
 * Allows scripts and styles from our own files only; styles that the component library writes at run time have the
 * nonce. The page can connect only to this host.
 */
function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
