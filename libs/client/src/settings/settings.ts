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
  /** PEM certificates to trust for Culvert, in addition to the usual ones. */
  readonly ca: string | undefined;
  /** The stored sign-ins. */
  readonly credentials: CredentialFile;
}

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
