import { readFileSync } from 'node:fs';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { OutputFormat } from '../output/output.js';
import { configDirectory } from './config-directory.js';
import { CredentialFile } from './credential-file.js';
import { readServerUrl } from './server-url.js';

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly url?: string;
  readonly output?: OutputFormat;
  readonly caFile?: string;
}

/** Settings of a run: each comes from the flag, else the variable, else the stored sign-in. */
export interface Settings {
  /** URL of Culvert, as `readServerUrl` spells it. @throws CliError if it is not set */
  readonly url: string;
  /** The API key in the environment, or null. */
  readonly apiKey: string | null;
  /** Name of the variable that holds `apiKey`. */
  readonly apiKeyVariable: string;
  /** PEM certificates to trust for Culvert, in addition to the usual ones. */
  readonly ca: string | undefined;
  /** The stored sign-ins. */
  readonly credentials: CredentialFile;
}

/** Pattern of an API key: it travels in a header. */
const KEY = /^[\x21-\x7e]{8,512}$/;

/** @throws CliError if a setting is wrong */
export function readSettings(flags: GlobalFlags, env: NodeJS.ProcessEnv): Settings {
  const given = flags.url ?? (env['CULVERT_URL'] || undefined);
  const givenUrl =
    given === undefined ? null : readServerUrl(given, flags.url === undefined ? 'CULVERT_URL' : '--url');
  const caFile = flags.caFile ?? (env['CULVERT_CA_FILE'] || undefined);
  const { apiKey, apiKeyVariable } = readApiKey(env);
  const ca = caFile === undefined ? undefined : readCa(caFile);
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

/** @throws CliError if it cannot be an API key */
export function checkApiKey(key: string, source: string): string {
  if (KEY.test(key)) return key;
  throw new CliError(EXIT.usage, `${source} is not an API key of Culvert`, {
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

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CliError(EXIT.usage, `the certificates cannot be read: ${(cause as Error).message}`, {
      hint: 'Set CULVERT_CA_FILE or --ca-file to a file of PEM certificates.',
      cause,
    });
  }
}

function refuseWithoutUrl(): never {
  throw new CliError(EXIT.notSignedIn, 'the URL of Culvert is not set', {
    hint: 'Run "culvert login --url https://culvert.example.com", or set CULVERT_URL.',
  });
}
