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

/** What a run works with: of each setting the flag, else the variable, else what was stored at signing in. */
export interface Settings {
  /** Where Culvert is, as `readServerUrl` spells it. @throws CliError when nothing says so */
  readonly url: string;
  /** The API key of the environment; null without one. */
  readonly apiKey: string | null;
  /** PEM certificates to trust at Culvert beside the usual ones. */
  readonly ca: string | undefined;
  /** What was stored at signing in. */
  readonly credentials: CredentialFile;
}

/** What an API key can look like: it travels in a header. */
const KEY = /^[\x21-\x7e]{8,512}$/;

/** @throws CliError when a setting is wrong */
export function readSettings(flags: GlobalFlags, env: NodeJS.ProcessEnv): Settings {
  const given = flags.url ?? (env['CULVERT_URL'] || undefined);
  const givenUrl =
    given === undefined ? null : readServerUrl(given, flags.url === undefined ? 'CULVERT_URL' : '--url');
  const caFile = flags.caFile ?? (env['CULVERT_CA_FILE'] || undefined);
  const apiKey = readApiKey(env);
  const ca = caFile === undefined ? undefined : readCa(caFile);
  // Not before it is needed: a run with a URL and a key works without a home.
  let credentials: CredentialFile | undefined;
  const file = (): CredentialFile => (credentials ??= new CredentialFile(configDirectory(env)));
  return {
    apiKey,
    ca,
    get credentials() {
      return file();
    },
    get url() {
      return givenUrl ?? file().currentUrl() ?? refuseWithoutUrl();
    },
  };
}

/** @throws CliError unless it could be an API key */
export function checkApiKey(key: string, source: string): string {
  if (KEY.test(key)) return key;
  throw new CliError(EXIT.usage, `${source} is not an API key of Culvert`, {
    hint: 'A key is 8 to 512 visible characters, most begin with cvt_.',
  });
}

function readApiKey(env: NodeJS.ProcessEnv): string | null {
  for (const variable of ['CULVERT_API_KEY', 'AMBASSADOR_CLOUD_APIKEY']) {
    const value = env[variable]?.trim();
    if (value) return checkApiKey(value, variable);
  }
  return null;
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CliError(EXIT.usage, `the certificates cannot be read: ${(cause as Error).message}`, {
      hint: 'CULVERT_CA_FILE or --ca-file names a file of PEM certificates.',
      cause,
    });
  }
}

function refuseWithoutUrl(): never {
  throw new CliError(EXIT.notSignedIn, 'nothing says where Culvert is', {
    hint: 'Run "culvert login --url https://culvert.example.com", or set CULVERT_URL.',
  });
}
