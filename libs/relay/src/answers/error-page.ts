/**
 * The page that people see when Culvert answers instead of a service. Plain HTML without scripts or external resources,
 * light or dark as the visitor prefers, and readable by screen readers.
 */
import { createHash } from 'node:crypto';
import type { RelayErrorCode } from './relay-error.js';

const STYLE =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}' +
  'body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}' +
  'main{box-sizing:border-box;max-width:36rem;padding:2rem}h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}' +
  'p{margin:.5rem 0;overflow-wrap:anywhere}a{color:LinkText}' +
  'a:focus-visible{outline:3px solid Highlight;outline-offset:2px}' +
  'footer{margin-top:2rem;padding-top:.75rem;border-top:1px solid #767676;font-size:.875rem}';

/** Allows only the page's own style, and no framing. */
export const ERROR_PAGE_POLICY =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface ErrorPage {
  readonly title: string;
  readonly status: number;
  readonly code: string;
  /** One sentence: what happened. */
  readonly detail: string;
  /** Reference that the visitor can pass on to the operator. */
  readonly reference: string;
  /** One sentence: what the visitor can do. */
  readonly hint?: string | undefined;
  /** Link to the next step, such as the sign-in. */
  readonly action?: { readonly label: string; readonly href: string } | undefined;
}

/** What a visitor can do about each error. */
export const HINTS: Readonly<Partial<Record<RelayErrorCode, string>>> = {
  access_denied: 'If it was shared with you, open it with the link that you got, or ask for access.',
  unknown_host: 'Check the address, or ask the person who sent it to you for a new one.',
  preview_expired: 'Ask the person who shared it for a new one.',
  manager_unavailable: 'This page reloads by itself until the preview is connected again.',
  store_unavailable: 'This page reloads by itself.',
  shutting_down: 'This page reloads by itself.',
  stream_limit: 'This page reloads by itself.',
  too_many_requests: 'This page reloads by itself.',
  team_request_limit: 'This page reloads by itself.',
  tunnel_lost: 'Try again: the connection usually comes back within seconds.',
  loop_detected:
    'Its owner must set an ingress that is not a preview, or a Host that the ingress does not route back ' +
    'here.',
  body_too_large: 'Send less, or ask the operator of Culvert for a higher limit.',
  request_timeout: 'Check your connection and try again.',
  ingress_closed: 'The service behind the preview may be restarting. Its owner can find out more in its log.',
  ingress_timeout:
    'The service behind the preview may be busy or restarting. Its owner can find out more in its log.',
  ingress_refused:
    'The service behind the preview may not be running. Its owner can find out more in its log.',
  response_timeout: 'The service behind the preview may be busy. Its owner can find out more in its log.',
  internal_error: 'If it happens again, send the reference below to the operator of Culvert.',
};

/** Returns the page as UTF-8 text. Escapes every value. */
export function errorPage({ title, status, code, detail, reference, hint, action }: ErrorPage): string {
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">' +
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>` +
    `<body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p>` +
    (hint === undefined ? '' : `<p>${escapeHtml(hint)}</p>`) +
    (action === undefined
      ? ''
      : `<p><a href="${escapeHtml(action.href)}">${escapeHtml(action.label)}</a></p>`) +
    `<footer>Culvert &middot; ${status} &middot; <code>${escapeHtml(code)}</code> &middot; Reference ` +
    `<code>${escapeHtml(reference)}</code></footer></main></body></html>\n`
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
