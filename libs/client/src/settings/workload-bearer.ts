/** Signs in as a workload identity: with the OIDC token of the platform that runs this job, and without a stored key. */
import { readFileSync } from 'node:fs';
import type { Credential } from '@culvert/api-client';
import { HttpError, type HttpClient } from '@culvert/outbound';
import { z } from 'zod';
import { unreachable } from '../api/http.js';
import { ClientError } from '../client-error.js';
import { isLoopback } from './server-url.js';
import type { Settings, WorkloadSettings } from './settings.js';

/** A token that cannot be replaced is used until it has less time left. */
const MIN_LEFT_MS = 2000;
const REVOKE_TIMEOUT_MS = 2000;
/** Time between attempts to replace a token that still works. */
const RETRY_MS = 15_000;
const MAX_TOKEN_RESPONSE_BYTES = 64 * 1024;
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

const platformAnswer = z.object({ value: z.string().min(1) });
const exchanged = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });
const refused = z.object({ error: z.string(), error_description: z.string().optional() });

/** A token of Culvert. Times are in milliseconds since 1970. */
interface WorkloadToken {
  readonly secret: string;
  readonly expiresAt: number;
  readonly renewAt: number;
}

/**
 * Tokens of a workload identity. They are kept in memory only. Each is replaced after half of its lifetime: the other half
 * is for exchanges that use it, and for new attempts if the platform or Culvert does not answer.
 */
export class WorkloadBearer implements Credential {
  private token: WorkloadToken | null = null;
  private exchange: Promise<WorkloadToken> | null = null;

  constructor(
    private readonly settings: Pick<Settings, 'url'>,
    private readonly workload: WorkloadSettings,
    private readonly http: HttpClient,
  ) {}

  /** @throws ClientError if the platform gives no token, or Culvert does not accept it */
  async secret(): Promise<string> {
    const { token } = this;
    if (token !== null && token.renewAt > Date.now()) return token.secret;
    try {
      return (await this.exchangeOnce()).secret;
    } catch (error) {
      const now = Date.now();
      // Null if Culvert has refused it meanwhile.
      if (this.token === null || this.token.expiresAt - MIN_LEFT_MS <= now) throw error;
      this.token = { ...this.token, renewAt: now + RETRY_MS };
      return this.token.secret;
    }
  }

  async renew(secret: string): Promise<boolean> {
    if (this.token?.secret === secret) this.token = null;
    if (this.token === null) await this.exchangeOnce();
    return true;
  }

  renewAt(): number | null {
    return this.token?.renewAt ?? null;
  }

  /** Revokes the token. It ends by itself soon if Culvert does not answer. */
  async end(): Promise<void> {
    const { token } = this;
    if (token === null) return;
    this.token = null;
    await this.http
      .send({
        url: `${this.settings.url}/revoke`,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ token: token.secret }).toString(),
        maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES,
        timeoutMs: REVOKE_TIMEOUT_MS,
      })
      .catch(() => undefined);
  }

  private exchangeOnce(): Promise<WorkloadToken> {
    return (this.exchange ??= this.exchangeToken().finally(() => (this.exchange = null)));
  }

  private async exchangeToken(): Promise<WorkloadToken> {
    const { url } = this.settings;
    const form = new URLSearchParams({
      grant_type: GRANT,
      subject_token: await platformToken(url, this.workload, this.http),
      subject_token_type: JWT,
      workload_identity: this.workload.identityId,
    });
    const response = await this.http
      .send({
        url: `${url}/token`,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: form.toString(),
        maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES,
      })
      .catch((error: unknown) => {
        throw unreachable(url, error);
      });
    const body = parseJson(response.text);
    if (!response.isSuccess) throw refusalOf(url, response.status, body);
    const answer = exchanged.safeParse(body);
    if (!answer.success)
      throw new ClientError('unreachable', `${url} does not answer like Culvert`, {
        hint: 'Check that this is the URL of Culvert, and that its version has workload identities.',
      });
    const { access_token: secret, expires_in: seconds } = answer.data;
    const now = Date.now();
    this.token = { secret, expiresAt: now + seconds * 1000, renewAt: now + seconds * 500 };
    return this.token;
  }
}

/** Returns the token of the platform, for the given Culvert. @throws ClientError */
async function platformToken(url: string, workload: WorkloadSettings, http: HttpClient): Promise<string> {
  const { source } = workload;
  if (!url.startsWith('https:') && !isLoopback(new URL(url)))
    throw new ClientError(
      'usage',
      `the job does not send its token to ${url}: the connection is not encrypted`,
      {
        hint: 'Set CULVERT_URL to an https URL.',
      },
    );
  switch (source.kind) {
    case 'variable':
      return source.token;
    case 'file':
      return readTokenFile(source.path);
    case 'github':
      return askGithub(workload.audience ?? url, source, http);
    case 'none':
      throw new ClientError('not_signed_in', 'a workload identity is set, but this job has no OIDC token', {
        hint:
          'GitHub: give the job the permission "id-token: write" (pull requests from forks cannot have it). ' +
          'GitLab: add CULVERT_ID_TOKEN to its id_tokens.',
      });
    default:
      throw new Error(`unhandled source ${String(source satisfies never)}`);
  }
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new ClientError(
      'usage',
      `the token of CULVERT_ID_TOKEN_FILE cannot be read: ${(cause as Error).message}`,
      {
        hint: 'Name the file with the OIDC token of this workload.',
        cause,
      },
    );
  }
}

async function askGithub(
  audience: string,
  { requestUrl, requestToken }: Extract<WorkloadSettings['source'], { kind: 'github' }>,
  http: HttpClient,
): Promise<string> {
  if (!URL.canParse(requestUrl)) throw noGithubToken('ACTIONS_ID_TOKEN_REQUEST_URL is not a URL');
  const url = new URL(requestUrl);
  if (url.protocol !== 'https:' && !isLoopback(url))
    throw noGithubToken('ACTIONS_ID_TOKEN_REQUEST_URL is not https');
  url.searchParams.set('audience', audience);
  const response = await http
    .send({
      url,
      headers: { authorization: `Bearer ${requestToken}` },
      maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES,
    })
    .catch((error: unknown) => {
      throw noGithubToken(error instanceof HttpError ? error.message : (error as Error).message, error);
    });
  const answer = platformAnswer.safeParse(parseJson(response.text));
  if (!response.isSuccess || !answer.success) throw noGithubToken(`it answers with HTTP ${response.status}`);
  return answer.data.value;
}

function noGithubToken(why: string, cause?: unknown): ClientError {
  return new ClientError('unreachable', `GitHub gives this job no OIDC token: ${why}`, {
    hint: 'Try again. Check that the job has the permission "id-token: write".',
    cause,
  });
}

function refusalOf(url: string, status: number, body: unknown): ClientError {
  const answer = refused.safeParse(body);
  const why = answer.data?.error_description ?? answer.data?.error ?? `HTTP ${status}`;
  if (status === 429 || status === 503)
    return new ClientError('conflict', `${url} refused the token of this job: ${why}`, {
      hint: 'Try again later.',
    });
  if (status >= 500)
    return new ClientError('unreachable', `${url} cannot check the token of this job: ${why}`, {
      hint: 'Try again in a minute.',
    });
  return new ClientError('not_signed_in', `${url} refused the token of this job: ${why}`, {
    hint: 'Compare the conditions with "culvert workload-identity show", or ask an admin of your team to.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
