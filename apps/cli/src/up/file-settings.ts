import { readServerUrl, readSettings, type Settings } from '@culvert/client';
import { CliError } from '../cli-error.js';
import { type CommandContext, contextOf, type GlobalFlags } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { COMMAND_WORDING } from '../problem-error.js';
import type { UpFile } from './file/read-file.js';

const OF_ENVIRONMENT = Symbol('the key of the environment');
/** A token of the platform is as secret as a key, so the identity that it is exchanged for is treated like one. */
const KEY_VARIABLES = ['CULVERT_API_KEY', 'AMBASSADOR_CLOUD_APIKEY', 'CULVERT_WORKLOAD_IDENTITY'] as const;

/**
 * Returns the context of a command with the URL and the API key of its file, which flags and the environment override. Errors of
 * the API name fields of the file. The key of the environment is not sent to a URL that only the file names.
 * @throws CliError if one of them is wrong, or no key may be sent to the URL
 */
export function withFileSettings(
  context: Pick<CommandContext, 'env' | 'output' | 'stdin' | 'signal' | 'http'>,
  file: UpFile,
  flags: Pick<GlobalFlags, 'url' | 'caFile'>,
): CommandContext {
  const { env, output, stdin, signal, http } = context;
  const settings = settingsOf(file, env, flags);
  return contextOf({ settings, output, env, stdin, signal, http }, { ...COMMAND_WORDING, nameOfField });
}

type ServerFlags = Pick<GlobalFlags, 'url' | 'caFile'>;

function settingsOf(file: UpFile, env: NodeJS.ProcessEnv, flags: ServerFlags): Settings {
  const { url, path } = file;
  const apiKey = keyOf(file, env, flags);
  return readSettings(
    {
      url: flags.url ?? (env['CULVERT_URL'] ? undefined : url),
      caFile: flags.caFile,
      apiKey: apiKey === OF_ENVIRONMENT ? undefined : (apiKey ?? undefined),
    },
    apiKey === OF_ENVIRONMENT ? env : withoutKeys(env),
    {
      url: flags.url === undefined ? `${path}: url` : '--url',
      caFile: '--ca-file',
      apiKey: `${path}: apiKey`,
    },
  );
}

/**
 * Returns the API key that may be sent to the URL of this run: that of the file, that of the environment, or null for a stored
 * sign-in, which belongs to its server.
 * @throws CliError if there is only a key that was given for another server
 */
function keyOf(
  { url, apiKey, path }: UpFile,
  env: NodeJS.ProcessEnv,
  flags: ServerFlags,
): string | null | typeof OF_ENVIRONMENT {
  const variable = KEY_VARIABLES.find((name) => env[name]?.trim());
  const given = flags.url ?? (env['CULVERT_URL'] || undefined);
  if (given !== undefined || url === undefined) {
    if (variable !== undefined) return OF_ENVIRONMENT;
    const isItsUrl = url === undefined || given === undefined || isSameServer(url, given);
    return isItsUrl ? (apiKey ?? null) : null;
  }
  if (variable === undefined) return apiKey ?? null;
  const server = readServerUrl(url, `${path}: url`);
  const { current, isSignedIn } = storedAt(server, env);
  // The URL is remembered after a logout, too.
  if (current === server && isSignedIn) return OF_ENVIRONMENT;
  if (apiKey !== undefined) return apiKey;
  if (isSignedIn) return null;
  throw new CliError(EXIT.usage, `${variable} is not sent to ${server}, which only ${path} names`, {
    hint: `If the key is for that server, add --url ${server}, or set CULVERT_URL to it.`,
  });
}

function isSameServer(a: string, b: string): boolean {
  return readServerUrl(a, 'url') === readServerUrl(b, 'url');
}

/** Returns the server of the latest sign-in, and whether there is a sign-in at `server`. */
function storedAt(
  server: string,
  env: NodeJS.ProcessEnv,
): { readonly current: string | null; readonly isSignedIn: boolean } {
  try {
    const { credentials } = readSettings({ url: server }, withoutKeys(env));
    return { current: credentials.currentUrl(), isSignedIn: credentials.find(server) !== null };
  } catch {
    // Without a home, and with a file that is not safe to read, nothing is stored.
    return { current: null, isSignedIn: false };
  }
}

function withoutKeys(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, ...Object.fromEntries(KEY_VARIABLES.map((name) => [name, undefined])) };
}

/** Fields of the file by those of the API. */
const FIELDS: Readonly<Record<string, string>> = {
  '/addRequestHeaders': 'addRequestHeaders',
  '/allowedDomains': 'allowDomains',
  '/allowedEmails': 'allowEmails',
  '/displayBanner': 'banner',
  '/expiresAt': 'expires',
  '/ingress/host': 'target',
  '/ingress/l5Host': 'hostHeader',
  '/ingress/port': 'target',
  '/ingress/protocol': 'protocol',
  '/pullRequestUrl': 'pullRequest',
};

/** Returns the field of the file that sets a field of the API. @param pointer JSON pointer (RFC 6901) */
function nameOfField(pointer: string): string {
  const own = FIELDS[pointer];
  if (own !== undefined) return own;
  const end = pointer.lastIndexOf('/');
  const outer = FIELDS[pointer.slice(0, end)];
  return outer === undefined ? pointer.slice(1).replaceAll('/', '.') : `${outer}.${pointer.slice(end + 1)}`;
}
