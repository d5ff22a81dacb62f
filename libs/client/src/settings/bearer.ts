/** The credential sent with requests: the environment's key, a workload identity, or the stored sign-in, kept fresh. */
import { keyCredential, type Credential } from '@culvert/api-client';
import type { HttpClient } from '@culvert/outbound';
import { ClientError } from '../client-error.js';
import type { StoredTokens } from './credential-file.js';
import type { Settings } from './settings.js';
import { WorkloadBearer } from './workload-bearer.js';

/** An access token with less time left is renewed before it is sent. */
const RENEW_BEFORE_MS = 60_000;

/** Source of the credential of a run. */
export type CredentialSource = 'environment' | 'workload-identity' | 'stored-key' | 'sign-in';

/** Null if there is none. @throws ClientError if the stored sign-in cannot be read */
export function credentialSource(settings: Settings): CredentialSource | null {
  if (settings.apiKey !== null) return 'environment';
  if (settings.workload !== null) return 'workload-identity';
  const stored = settings.credentials.find(settings.url);
  if (stored === null) return null;
  return stored.kind === 'api-key' ? 'stored-key' : 'sign-in';
}

/**
 * Returns what a person should do when Culvert does not accept the credential of this run: it names where the credential is from.
 */
export function signInHint(settings: Settings): string {
  switch (credentialSource(settings)) {
    case 'environment':
      return `The key is from ${settings.apiKeyVariable}. Set it to another key, or unset it and run "culvert login".`;
    case 'workload-identity':
      return 'The workload identity of this job has changed. Ask an admin of your team.';
    case 'stored-key':
      return 'The key is from "culvert login --apikey". Store another one in the same way, or run "culvert login".';
    case 'sign-in':
    case null:
      return 'Run "culvert login".';
    default:
      throw new Error('unhandled source of the credential');
  }
}

/** @throws ClientError if no one is signed in */
export function createBearer(settings: Settings, http: HttpClient): Credential {
  const { url } = settings;
  if (settings.apiKey !== null) return fixed(settings.apiKey);
  if (settings.workload !== null) return new WorkloadBearer(settings, settings.workload, http);
  const stored = settings.credentials.find(url);
  if (stored === null) throw notSignedIn(url);
  return stored.kind === 'api-key' ? fixed(stored.apiKey) : new TokenBearer(settings, http);
}

function fixed(secret: string): Credential {
  return keyCredential(() => Promise.resolve(secret));
}

/** Tokens of a browser sign-in. Several processes share them: each reads the file again before it renews. */
class TokenBearer implements Credential {
  private renewal: Promise<StoredTokens> | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly http: HttpClient,
  ) {}

  async secret(): Promise<string> {
    const tokens = this.stored();
    const isFresh = Date.parse(tokens.expiresAt) - RENEW_BEFORE_MS > Date.now();
    return (isFresh ? tokens : await this.renewOnce(tokens)).accessToken;
  }

  async renew(secret: string): Promise<boolean> {
    const tokens = this.stored();
    if (tokens.accessToken === secret) await this.renewOnce(tokens);
    return true;
  }

  private renewOnce(tokens: StoredTokens): Promise<StoredTokens> {
    return (this.renewal ??= this.renewTokens(tokens).finally(() => (this.renewal = null)));
  }

  private async renewTokens(tokens: StoredTokens): Promise<StoredTokens> {
    const { credentials, url } = this.settings;
    const { OauthClient } = await import('./oauth-client.js');
    const renewed = await new OauthClient(url, this.http).renew(tokens.refreshToken);
    if (renewed === null) {
      // Another process, or another sign-in, may have been faster.
      const now = this.stored();
      if (now.refreshToken !== tokens.refreshToken) return now;
      throw new ClientError('not_signed_in', `the sign-in at ${url} has ended`, {
        hint: 'Run "culvert login".',
      });
    }
    await credentials.replaceTokens(url, tokens.refreshToken, renewed);
    return renewed;
  }

  private stored(): StoredTokens {
    const { credentials, url } = this.settings;
    const stored = credentials.find(url);
    if (stored?.kind === 'tokens') return stored;
    throw notSignedIn(url);
  }
}

function notSignedIn(url: string): ClientError {
  return new ClientError('not_signed_in', `you are not signed in at ${url}`, {
    hint: 'Run "culvert login", or set CULVERT_API_KEY.',
  });
}
