import type { Readable } from 'node:stream';
import type { Credential } from '@culvert/api-client';
import {
  createBearer,
  createHttpClient,
  type ProblemWording,
  readSettings,
  type Settings,
  signInHint,
} from '@culvert/client';
import type { HttpClient } from '@culvert/outbound';
import { createApi, type Api } from './api.js';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-code.js';
import { Output, type OutputFormat, type OutputOptions } from './output/output.js';

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly url?: string;
  readonly output?: OutputFormat;
  readonly caFile?: string;
  readonly workloadIdentity?: string;
}

const FLAG_NAMES = { url: '--url', caFile: '--ca-file', apiKey: '--apikey' };

/** The process that a command runs in. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputOptions['stdout'];
  readonly stderr: OutputOptions['stderr'];
  /**
   * Aborted at SIGINT, SIGTERM or SIGHUP, or when the reader of the output is gone. Its reason is a CliError: throw it, or clean
   * up and return.
   */
  readonly signal: AbortSignal;
}

/** The input of every command. */
export interface CommandContext {
  /** Settings from flags, the environment and the stored sign-in. */
  readonly settings: Settings;
  readonly output: Output;
  /** Environment of the process, changed as flags of credentials say. */
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Environment['stdin'];
  readonly signal: AbortSignal;
  /** HTTP to Culvert; trusts the certificates of the settings. */
  readonly http: HttpClient;
  /**
   * The signed-in credential, for connections other than REST. Call `await bearer.secret()` before each connection, since tokens
   * live for one hour. @throws CliError if no one is signed in
   */
  readonly bearer: Credential;
  /** The REST API with the signed-in credential. @throws CliError if no one is signed in */
  readonly api: Api;
  /** Ends the credential if it was issued for this run alone. Called at the end of the run. Never rejects. */
  readonly endCredential: () => Promise<void>;
}

/** Rejects with a CliError if a setting is wrong. */
export async function createContext(
  flags: GlobalFlags,
  { env: given, stdin, stdout, stderr, signal }: Environment,
): Promise<CommandContext> {
  const env = withWorkloadIdentity(given, flags.workloadIdentity);
  const settings = readSettings(flags, env, FLAG_NAMES);
  const format = flags.output ?? 'text';
  const { plainYaml: toYaml } =
    format === 'yaml' ? await import('./output/plain-yaml.js') : { plainYaml: undefined };
  const output = new Output({ format, stdout, stderr, env, ...(toYaml && { toYaml }) });
  const http = createHttpClient(settings.ca);
  return contextOf({ settings, output, env, stdin, signal, http });
}

/**
 * Returns the environment with this workload identity in place of its keys: the flag is treated as the variable, also where
 * credentials of the environment are kept from a server that only a file names.
 */
function withWorkloadIdentity(env: NodeJS.ProcessEnv, id: string | undefined): NodeJS.ProcessEnv {
  if (id === undefined) return env;
  if (id.trim() === '') {
    throw new CliError(EXIT.usage, '--workload-identity is empty', {
      hint: 'Use the ID that "culvert workload-identity list" shows.',
    });
  }
  return {
    ...env,
    CULVERT_API_KEY: undefined,
    AMBASSADOR_CLOUD_APIKEY: undefined,
    CULVERT_WORKLOAD_IDENTITY: id,
  };
}

/**
 * Returns the input of a command whose credential and API are made at their first use.
 * @param wording how errors of the API name what a person gave; default: flags
 */
export function contextOf(
  parts: Omit<CommandContext, 'bearer' | 'api' | 'endCredential'>,
  wording?: ProblemWording,
): CommandContext {
  const { settings, http, signal } = parts;
  let bearer: Credential | undefined;
  let api: Api | undefined;
  const context: CommandContext = {
    ...parts,
    endCredential: async () => bearer?.end?.(),
    get bearer() {
      return (bearer ??= createBearer(settings, http));
    },
    get api() {
      return (api ??= createApi({
        url: settings.url,
        http,
        bearer: context.bearer,
        signInHint: signInHint(settings),
        signal,
        ...(wording && { wording }),
      }));
    },
  };
  return context;
}
