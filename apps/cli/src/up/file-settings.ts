import { createBearer, readSettings, signInHint } from '@culvert/client';
import type { Credential } from '@culvert/api-client';
import { type Api, createApi } from '../api.js';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import { COMMAND_WORDING } from '../problem-error.js';
import type { UpFile } from './file/read-file.js';

/**
 * Returns the context of a command with the URL and the API key of its file, which flags and the environment override. Errors of
 * the API name fields of the file.
 * @throws CliError if one of them is wrong
 */
export function withFileSettings(
  context: CommandContext,
  { url, apiKey, path }: UpFile,
  flags: Pick<GlobalFlags, 'url' | 'caFile'>,
): CommandContext {
  const { env, output, stdin, signal, http } = context;
  const ownsKey = Boolean(env['CULVERT_API_KEY'] || env['AMBASSADOR_CLOUD_APIKEY']);
  const settings = readSettings(
    {
      url: flags.url ?? (env['CULVERT_URL'] ? undefined : url),
      caFile: flags.caFile,
      apiKey: ownsKey ? undefined : apiKey,
    },
    env,
    {
      url: flags.url === undefined ? `${path}: url` : '--url',
      caFile: '--ca-file',
      apiKey: `${path}: apiKey`,
    },
  );
  let bearer: Credential | undefined;
  let api: Api | undefined;
  const changed: CommandContext = {
    settings,
    output,
    env,
    stdin,
    signal,
    http,
    get bearer() {
      return (bearer ??= createBearer(settings, http));
    },
    get api() {
      return (api ??= createApi({
        url: settings.url,
        http,
        bearer: changed.bearer,
        signInHint: signInHint(settings),
        signal,
        wording: { ...COMMAND_WORDING, nameOfField },
      }));
    },
  };
  return changed;
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
