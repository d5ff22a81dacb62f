import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError, credentialSource, unreachable } from '@culvert/client';
import { HttpError } from '@culvert/outbound';
import { type Api, createApi, type Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { showDuration } from '../requests/request-log.js';
import { findPreview } from './find-preview.js';

export interface WaitFlags {
  readonly status: number;
  /** Seconds. */
  readonly timeout?: number;
  readonly path: string;
}

const DEFAULT_TIMEOUT_SECONDS = 120;
/** Longest time for one request: a development server may build a page first. */
const REQUEST_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 2000;
/** Time that a token lives after the command's own limit, for clocks that differ. */
const TOKEN_RESERVE_MS = 120_000;
const REVOKE_TIMEOUT_MS = 5000;

/** The outcome of one request. */
type Attempt =
  | { readonly kind: 'answer'; readonly status: number }
  | { readonly kind: 'culvert-error'; readonly status: number; readonly code: string }
  | { readonly kind: 'no-answer'; readonly error: unknown };

/** Waits until the service of a preview answers with a status. */
export async function waitForPreview(
  context: CommandContext,
  reference: string,
  { status, timeout = DEFAULT_TIMEOUT_SECONDS, path }: WaitFlags,
): Promise<void> {
  const { api, output } = context;
  const startedAt = performance.now();
  const preview = await findPreview(api, reference);
  const url = new URL(`${preview.url}${path}`);
  const credential = await credentialFor(context, preview, timeout);
  try {
    const requests = { url, headers: credential.headers, status, endsAt: startedAt + timeout * 1000 };
    const attempts = await repeat(context, preview, requests);
    const waitedMs = Math.round(performance.now() - startedAt);
    output.result({ url: url.href, status, attempts, waitedMs }, () =>
      output.line(`${url.href} answers with ${status}, after ${showDuration(waitedMs)}.`),
    );
  } finally {
    await credential.revoke();
  }
}

/** Resolves with the number of requests. @throws CliError when the time is over or the preview is gone */
async function repeat(
  { api, http, output, signal }: CommandContext,
  preview: Preview,
  {
    url,
    headers,
    status,
    endsAt,
  }: {
    readonly url: URL;
    readonly headers: Readonly<Record<string, string>>;
    readonly status: number;
    readonly endsAt: number;
  },
): Promise<number> {
  let noted = '';
  for (let attempts = 1; ; attempts++) {
    const leftMs = Math.max(endsAt - performance.now(), 1);
    const timeoutMs = Math.min(leftMs, REQUEST_TIMEOUT_MS);
    const attempt = await http
      .send({ url, headers, signal, timeoutMs, isHeadOnly: true, maxRedirects: 0 })
      .then(
        (response): Attempt => {
          const code = response.headers['x-culvert-error'];
          return code === undefined
            ? { kind: 'answer', status: response.status }
            : { kind: 'culvert-error', status: response.status, code };
        },
        (error: unknown): Attempt => {
          if (!(error instanceof HttpError)) throw error;
          return { kind: 'no-answer', error };
        },
      );
    if (attempt.kind === 'answer' && attempt.status === status) return attempts;
    // Strangers get the same response from a private preview as from a removed one, so only the API knows.
    if (attempt.kind === 'culvert-error') await checkExists(api, preview);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 10), MAX_PAUSE_MS);
    if (performance.now() + pauseMs >= endsAt) throw timedOut(url, status, attempt);
    const said = described(url, attempt);
    if (said !== noted && !output.isForPrograms) output.note(`Waiting: ${said}.`);
    noted = said;
    await sleep(pauseMs, undefined, { signal });
  }
}

/** Returns what opens the preview. Call `revoke` when it is no longer needed. */
async function credentialFor(
  { api, bearer, http, settings }: CommandContext,
  { id: previewId, access }: Preview,
  timeoutSeconds: number,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly revoke: () => Promise<void> }> {
  if (access === 'public') return { headers: {}, revoke: () => Promise.resolve() };
  if (credentialSource(settings) !== 'sign-in') {
    return {
      headers: { 'x-culvert-api-key': await bearer.secret() },
      revoke: () => Promise.resolve(),
    };
  }
  // The tokens of a sign-in are for the API only.
  const expiresAt = new Date(Date.now() + timeoutSeconds * 1000 + TOKEN_RESERVE_MS).toISOString();
  const body = { name: 'culvert preview wait', expiresAt };
  const { id: previewTokenId, token } = await api.call('createPreviewToken', { previewId, body });
  return {
    headers: { 'culvert-preview-token': token },
    revoke: async () => {
      // Not ended by Ctrl-C. If it fails, the token soon expires.
      const signal = AbortSignal.timeout(REVOKE_TIMEOUT_MS);
      const ending = createApi({ url: settings.url, http, bearer, signInHint: '', signal });
      await ending.call('revokePreviewToken', { previewId, previewTokenId }).catch(() => undefined);
    },
  };
}

async function checkExists(api: Api, { id: previewId, hostname }: Preview): Promise<void> {
  try {
    await api.call('getPreview', { previewId });
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === 'not_found')
      throw new CliError(EXIT.notFound, `${hostname} was removed or has expired`, { cause: error });
    // Other failures, such as those of an API that restarts, pass.
    if (error.code === 'not_signed_in' || error.code === 'refused') throw error;
  }
}

function timedOut(url: URL, status: number, attempt: Attempt): CliError {
  return new CliError(EXIT.unreachable, `the preview did not answer with ${status} in time`, {
    hint: `Last attempt: ${described(url, attempt)}.`,
    ...(attempt.kind === 'no-answer' && { cause: attempt.error }),
  });
}

function described(url: URL, attempt: Attempt): string {
  switch (attempt.kind) {
    case 'answer':
      return `${url.href} answers with ${attempt.status}`;
    case 'culvert-error':
      return `Culvert answers with ${attempt.status} ${attempt.code}`;
    case 'no-answer':
      return unreachable(url.origin, attempt.error).message;
    default:
      throw new Error(`unhandled attempt ${String(attempt satisfies never)}`);
  }
}
