import { readFileSync } from 'node:fs';
import { ClientError } from '../client-error.js';
import { configDirectory } from './config-directory.js';
import { CredentialFile } from './credential-file.js';
import { readServerUrl } from './server-url.js';

/** Settings that the caller gives. */
export interface GivenSettings {
  readonly url?: string | undefined;
  readonly caFile?: string | undefined;
  readonly apiKey?: string | undefined;
}

/** Names of the given settings in error messages. */
export type SettingNames = { readonly [Key in keyof Required<GivenSettings>]: string };

const SETTING_NAMES: SettingNames = { url: 'url', caFile: 'caFile', apiKey: 'apiKey' };

/** Settings of a run: each comes from the caller, else the environment, else the stored sign-in. */
export interface Settings {
  /** URL of Culvert, as `readServerUrl` spells it. @throws ClientError if it is not set */
  readonly url: string;
  /** The API key that the caller gives or the environment has, or null. */
  readonly apiKey: string | null;
  /** Name of the setting or variable that `apiKey` is from. */
  readonly apiKeyVariable: string;
  /** The workload identity that the environment names, if there is no API key; else null. */
  readonly workload: WorkloadSettings | null;
  /** PEM certificates to trust for Culvert, in addition to the usual ones. */
  readonly ca: string | undefined;
  /** The stored sign-ins. */
  readonly credentials: CredentialFile;
}

/** A workload identity, and where the platform's token for it comes from. */
export interface WorkloadSettings {
  readonly identityId: string;
  /** Audience to ask the platform for; null: the URL of Culvert. */
  readonly audience: string | null;
  readonly source:
    | { readonly kind: 'variable'; readonly token: string }
    /** A file that the platform renews. */
    | { readonly kind: 'file'; readonly path: string }
    /** GitHub Actions issues a token for each request. */
    | { readonly kind: 'github'; readonly requestUrl: string; readonly requestToken: string }
    | { readonly kind: 'none' };
}

const WORKLOAD_ID = /^[\w-]{1,64}$/;
/** Pattern of an API key: it travels in a header. */
const KEY = /^[\x21-\x7e]{8,512}$/;

/** @throws ClientError if a setting is wrong */
export function readSettings(
  given: GivenSettings,
  env: NodeJS.ProcessEnv,
  names: SettingNames = SETTING_NAMES,
): Settings {
  const url = given.url ?? (env['CULVERT_URL'] || undefined);
  const givenUrl =
    url === undefined ? null : readServerUrl(url, given.url === undefined ? 'CULVERT_URL' : names.url);
  const caFile = given.caFile ?? (env['CULVERT_CA_FILE'] || undefined);
  const { apiKey, apiKeyVariable } =
    given.apiKey === undefined
      ? readApiKey(env)
      : { apiKey: checkApiKey(given.apiKey, names.apiKey), apiKeyVariable: names.apiKey };
  const ca = caFile === undefined ? undefined : readCa(caFile, names.caFile);
  // Resolved on first use: a run with a URL and a key works without a home.
  let credentials: CredentialFile | undefined;
  const file = (): CredentialFile => (credentials ??= new CredentialFile(configDirectory(env)));
  return {
    apiKey,
    apiKeyVariable,
    workload: apiKey === null ? readWorkload(env) : null,
    ca,
    get credentials() {
      return file();
    },
    get url() {
      return givenUrl ?? file().currentUrl() ?? refuseWithoutUrl();
    },
  };
}

/** @throws ClientError if it cannot be an API key */
export function checkApiKey(key: string, source: string): string {
  if (KEY.test(key)) return key;
  throw new ClientError('usage', `${source} is not an API key of Culvert`, {
    hint: 'A key has 8 to 512 visible characters. Most begin with cvt_.',
  });
}

function readApiKey(env: NodeJS.ProcessEnv): Pick<Settings, 'apiKey' | 'apiKeyVariable'> {
  for (const apiKeyVariable of ['CULVERT_API_KEY', 'AMBASSADOR_CLOUD_APIKEY']) {
    const value = env[apiKeyVariable]?.trim();
    if (value) return { apiKey: checkApiKey(value, apiKeyVariable), apiKeyVariable };
  }
  return { apiKey: null, apiKeyVariable: 'CULVERT_API_KEY' };
}

function readWorkload(env: NodeJS.ProcessEnv): WorkloadSettings | null {
  const identityId = env['CULVERT_WORKLOAD_IDENTITY']?.trim();
  if (!identityId) return null;
  if (!WORKLOAD_ID.test(identityId))
    throw new ClientError('usage', 'CULVERT_WORKLOAD_IDENTITY is not the ID of a workload identity', {
      hint: 'Use the ID that "culvert workload-identity list" shows.',
    });
  const audience = env['CULVERT_WORKLOAD_AUDIENCE']?.trim() || null;
  return { identityId, audience, source: workloadSource(env) };
}

function workloadSource(env: NodeJS.ProcessEnv): WorkloadSettings['source'] {
  const token = env['CULVERT_ID_TOKEN']?.trim();
  if (token) return { kind: 'variable', token };
  const path = env['CULVERT_ID_TOKEN_FILE'];
  if (path) return { kind: 'file', path };
  const requestUrl = env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  const requestToken = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  return requestUrl && requestToken ? { kind: 'github', requestUrl, requestToken } : { kind: 'none' };
}

function readCa(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ClientError('usage', `the certificates cannot be read: ${(cause as Error).message}`, {
      hint: `Set CULVERT_CA_FILE or ${name} to a file of PEM certificates.`,
      cause,
    });
  }
}

function refuseWithoutUrl(): never {
  throw new ClientError('not_signed_in', 'the URL of Culvert is not set', {
    hint: 'Run "culvert login --url https://culvert.example.com", or set CULVERT_URL.',
  });
}
