/** Fetches what an issuer publishes: its discovery document (OpenID Connect Discovery 1.0 §4) and its keys (RFC 7517). */
import { HttpError, type HttpClient } from '@culvert/outbound';
import type { JSONWebKeySet, JWK } from 'jose';
import { z } from 'zod';
import { TokenProblem } from './token-problem.js';

const MAX_DISCOVERY_BYTES = 64 * 1024;
const MAX_KEYS_BYTES = 256 * 1024;
const MAX_KEYS = 100;
/** Longest parameter of a key in base64url: an RSA modulus of 8192 bits. Larger keys take long to compute with. */
const MAX_PARAMETER_LENGTH = 1366;
/** A public exponent of up to 32 bits: larger ones take long, and issuers do not use them. */
const MAX_EXPONENT_LENGTH = 6;

const discovery = z.object({ issuer: z.string(), jwks_uri: z.string() });

const parameter = z.string().max(MAX_PARAMETER_LENGTH);
/** The public parameters of keys for signatures. Symmetric keys (`oct`) are not among them. */
const publicKey = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: parameter.optional(),
  use: parameter.optional(),
  alg: parameter.optional(),
  n: parameter.optional(),
  e: z.string().max(MAX_EXPONENT_LENGTH).optional(),
  crv: parameter.optional(),
  x: parameter.optional(),
  y: parameter.optional(),
});
const keySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

/** The clients for one issuer's documents. */
export interface DocumentClients {
  /** Client for URLs with the origin of the issuer. */
  readonly own: HttpClient;
  /** Client for all other URLs; does not connect to private addresses. */
  readonly other: HttpClient;
}

/** Returns the keys of an issuer. Keys of other kinds, or with unusual sizes, are left out. @throws TokenProblem */
export async function fetchIssuerKeys(issuer: string, clients: DocumentClients): Promise<JSONWebKeySet> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = discovery.safeParse(await fetchJson(clients.own, url, MAX_DISCOVERY_BYTES));
  if (!document.success) throw new TokenProblem('issuer', `${url} is not a document of OpenID Connect`);
  if (document.data.issuer !== issuer) {
    throw new TokenProblem(
      'issuer',
      `the issuer calls itself ${JSON.stringify(document.data.issuer.slice(0, 200))}, not ${JSON.stringify(issuer)}`,
    );
  }
  const { jwks_uri: keysUrl } = document.data;
  if (!URL.canParse(keysUrl) || new URL(keysUrl).protocol !== 'https:')
    throw new TokenProblem('issuer', `the jwks_uri of ${issuer} is not an https URL`);
  const client = new URL(keysUrl).origin === new URL(issuer).origin ? clients.own : clients.other;
  const parsed = keySet.safeParse(await fetchJson(client, keysUrl, MAX_KEYS_BYTES));
  if (!parsed.success)
    throw new TokenProblem('issuer', `the jwks_uri of ${issuer} has no list of at most ${MAX_KEYS} keys`);
  const keys = parsed.data.keys.flatMap((key) => publicKey.safeParse(key).data ?? []);
  return { keys: keys.map((key) => withoutUndefined(key) as JWK) };
}

async function fetchJson(client: HttpClient, url: string, maxResponseBytes: number): Promise<unknown> {
  const { origin } = new URL(url);
  const response = await client
    .send({ url, headers: { accept: 'application/json' }, maxResponseBytes, maxRedirects: 0 })
    .catch((error: unknown) => {
      if (!(error instanceof HttpError)) throw error;
      throw new TokenProblem('issuer', `the issuer cannot be asked for its keys: ${error.message}`, {
        cause: error,
      });
    });
  if (response.status >= 300 && response.status < 400)
    throw new TokenProblem('issuer', `${origin} redirects: redirects of an issuer are not followed`);
  if (response.status !== 200)
    throw new TokenProblem('issuer', `${origin} answers with HTTP ${response.status} instead of its keys`);
  try {
    return JSON.parse(response.text) as unknown;
  } catch (error) {
    throw new TokenProblem('issuer', `${origin} does not answer with JSON`, { cause: error });
  }
}

function withoutUndefined(fields: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
