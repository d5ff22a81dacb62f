import { createBearer, readSettings, signInHint } from '@culvert/client';
import type { Credential } from '@culvert/api-client';
import { type Api, createApi } from '../api.js';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import type { UpFile } from './file/read-file.js';

/**
 * Returns the context of a command with the URL and the API key of its file. Flags and the environment override them.
 * @throws CliError if one of them is wrong
 */
export function withFileSettings(
  context: CommandContext,
  { url, apiKey, path }: UpFile,
  flags: Pick<GlobalFlags, 'url' | 'caFile'>,
): CommandContext {
  if (url === undefined && apiKey === undefined) return context;
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
      }));
    },
  };
  return changed;
}
