/** One request to a webhook: what is sent, and what its response means. */
import type { ClaimedDelivery, WebhookAttempt } from '@culvert/domain';
import { HttpError, type AllowedNetworks, type HttpClient, type HttpClientOptions } from '@culvert/outbound';
import { Webhook as Signer } from 'standardwebhooks';
import { VERSION } from '../../http/docs/version.js';
import { slackMessage } from './slack-message.js';

/** Limit of one attempt, in milliseconds. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/** Part of a response that is read and kept. */
const MAX_RESPONSE_BYTES = 1024;
const MAX_ERROR_LENGTH = 300;

/** Returns the options of the client that sends webhooks. It follows no redirect: its target would not have been checked. */
export function webhookHttpOptions(allowedNetworks: AllowedNetworks): HttpClientOptions {
  return {
    connectTimeoutMs: ATTEMPT_TIMEOUT_MS / 2,
    timeoutMs: ATTEMPT_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    maxRedirects: 0,
    allowPrivateAddresses: false,
    allowedNetworks,
  };
}

/** Sends a delivery once. Rejects only if `signal` is aborted. */
export async function attemptDelivery(
  http: HttpClient,
  claimed: ClaimedDelivery,
  { previewUrl, signal }: { readonly previewUrl: (hostname: string) => string; readonly signal: AbortSignal },
): Promise<Omit<WebhookAttempt, 'id'>> {
  const at = new Date();
  const begunMs = performance.now();
  let outcome: Pick<WebhookAttempt, 'status' | 'error' | 'responseBody'>;
  try {
    const { headers, body } = requestOf(claimed, at, previewUrl);
    const { url } = claimed.webhook;
    const response = await http.send({ url, method: 'POST', headers, body, signal, isBodyCut: true });
    const { status, isSuccess, text } = response;
    outcome = { status, error: isSuccess ? null : refusalOf(status), responseBody: storable(text) };
  } catch (error) {
    if (signal.aborted) throw error;
    const message = error instanceof HttpError ? error.message : 'something went wrong in Culvert';
    outcome = { status: null, error: storable(message).slice(0, MAX_ERROR_LENGTH), responseBody: '' };
  }
  return { at, durationMs: Math.round(performance.now() - begunMs), ...outcome };
}

function requestOf(
  { webhook, delivery }: ClaimedDelivery,
  at: Date,
  previewUrl: (hostname: string) => string,
): { readonly headers: Record<string, string>; readonly body: string } {
  const headers = { 'content-type': 'application/json', 'user-agent': `Culvert-Webhooks/${VERSION}` };
  if (webhook.format === 'slack') return { headers, body: slackMessage(delivery.payload, previewUrl) };
  const { id, payload: body } = delivery;
  return {
    headers: {
      ...headers,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Signer(webhook.secret).sign(id, at, body),
    },
    body,
  };
}

function refusalOf(status: number): string {
  const isRedirect = status >= 300 && status < 400;
  return `the server answered ${status}${isRedirect ? ', and redirects are not followed' : ''}`;
}

/** Postgres cannot hold NUL. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').slice(0, MAX_RESPONSE_BYTES);
}
