/** `culvert service install`: checks what the service would run, writes its definition and starts it. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { credentialSource } from '@culvert/client';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { type InstallFlags, serviceId } from './commands.js';
import { MARK, type ServiceDefinition, type ServiceManager } from './definition.js';
import { runTool } from './run-tool.js';
import { serviceManager } from './service-manager.js';

const COMMANDS = ['up', 'expose'];
/** Flags with which a command ends at once, or leaves the service. */
const NOT_IN_SERVICES = ['-d', '--detach', '--check', '--schema', '-h', '--help'];
const SECRET_SHAPE = /\bcv[a-z]{1,3}_\w{8,}/;
const OTHERS = 0o077;
const USER_NAME = /^[a-z_][a-z0-9_-]{0,31}$/i;

export async function install(
  context: CommandContext,
  words: readonly string[],
  flags: InstallFlags,
): Promise<void> {
  const { env, output } = context;
  const isSystem = flags.system === true;
  const manager = serviceManager({ env, isSystem });
  checkWords(words, context);
  const definition = await definitionOf(context, words, flags);
  const text = manager.textOf(definition);
  if (flags.dryRun) {
    output.result({ file: manager.fileOf(definition.id), text }, () => output.verbatim(text));
    return;
  }
  if (isSystem && process.getuid?.() !== 0) {
    throw new CliError(EXIT.refused, 'only root may install a service of the whole machine', {
      hint: 'Run the command with sudo, or leave --system out.',
    });
  }
  if (!isSystem && definition.environmentFile === null)
    await checkCredential(context, words, definition, flags);
  const file = manager.fileOf(definition.id);
  await writeAndStart(context, manager, definition.id, { file, text });
  const advice = manager.advice(definition);
  output.result({ name: definition.id, manager: manager.name, file }, () => {
    output.line(`${definition.id} runs now, and starts again after a restart (${file}).`);
    if (advice !== null) output.note(advice);
  });
}

async function writeAndStart(
  { env }: CommandContext,
  manager: ServiceManager,
  id: string,
  { file, text }: { readonly file: string; readonly text: string },
): Promise<void> {
  const before = readOwn(file);
  // launchd and the Task Scheduler refuse a service that is there already.
  if (before !== null && manager.name !== 'systemd')
    for (const command of manager.stop(id)) await runTool(command, env).catch(() => {});
  write(file, text);
  try {
    for (const command of manager.start(id)) await runTool(command, env);
  } catch (error) {
    if (before === null) rmSync(file, { force: true });
    else write(file, before);
    throw error;
  }
}

/** Returns a definition that this command wrote before, or null. @throws CliError if someone else did */
export function readOwn(file: string): string | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new CliError(EXIT.localTarget, `${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (text.includes(MARK)) return text;
  throw new CliError(EXIT.conflict, `${file} exists and was not written by culvert`, {
    hint: 'Choose another --name, or remove the file.',
  });
}

function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.new`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, text, { mode: 0o644 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new CliError(EXIT.localTarget, `${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws CliError unless the words are a command that keeps running, without secrets */
function checkWords(words: readonly string[], { settings }: CommandContext): void {
  const [command = ''] = words;
  if (!COMMANDS.includes(command)) {
    throw new CliError(EXIT.usage, `a service runs "up" or "expose", not "${command}"`, {
      hint: 'For example: culvert service install -- expose 3000',
    });
  }
  const wrong = words.find((word) => NOT_IN_SERVICES.includes(word));
  if (wrong !== undefined)
    throw new CliError(EXIT.usage, `${wrong} does not work in a service`, { hint: 'Leave it out.' });
  const { apiKey } = settings;
  if (words.some((word) => SECRET_SHAPE.test(word) || (apiKey !== null && word.includes(apiKey)))) {
    throw new CliError(EXIT.usage, 'an argument holds a key or token, which every user could see', {
      hint: 'Run "culvert login" first, or put CULVERT_API_KEY into a file for --env-file.',
    });
  }
}

async function definitionOf(
  context: CommandContext,
  words: readonly string[],
  flags: InstallFlags,
): Promise<ServiceDefinition> {
  const { env } = context;
  const isSystem = flags.system === true;
  const environmentFile = flags.envFile === undefined ? null : checkedFile(resolve(flags.envFile));
  return {
    id: serviceId(flags),
    command: [process.execPath, programPath(), ...words],
    workingDirectory: process.cwd(),
    environment: environmentOf(context, await urlOf(context, words, flags), flags.caFile),
    environmentFile,
    user: isSystem ? userOf(flags, env) : null,
  };
}

/** Returns the path of this program. @throws CliError if it is in a folder that npx empties */
function programPath(): string {
  const path = resolve(process.argv[1] ?? '');
  if (!/[/\\]_npx[/\\]/.test(path)) return path;
  throw new CliError(EXIT.usage, 'a service cannot run what npx downloads for one run', {
    hint: 'Run "npm install --global culvert", then "culvert service install" again.',
  });
}

/** Returns the settings that a service cannot inherit. */
function environmentOf(
  { env }: CommandContext,
  url: string | undefined,
  givenCaFile: string | undefined,
): Record<string, string> {
  const caFile = givenCaFile ?? (env['CULVERT_CA_FILE'] || undefined);
  const given = { CULVERT_URL: url, CULVERT_CA_FILE: caFile === undefined ? undefined : resolve(caFile) };
  const kept = ['CULVERT_CONFIG_DIR', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS'];
  const inherited = kept.map((name) => [name, env[name] ?? env[name.toLowerCase()]]);
  const all = Object.entries({ ...given, ...Object.fromEntries(inherited) } as Record<
    string,
    string | undefined
  >);
  return Object.fromEntries(
    all.filter((entry): entry is [string, string] => {
      const [, value] = entry;
      // A proxy with a password belongs into the file of variables.
      return value !== undefined && value !== '' && !hasPassword(value);
    }),
  );
}

/**
 * Returns the URL of Culvert that the service gets: that of a flag or the environment; otherwise that of the current sign-in,
 * which a later sign-in does not change for the service. The URL that a file names stays in the file alone.
 */
async function urlOf(
  { env, settings }: CommandContext,
  words: readonly string[],
  flags: InstallFlags,
): Promise<string | undefined> {
  const isGiven = flags.url !== undefined || Boolean(env['CULVERT_URL']);
  if (!isGiven && words[0] === 'up' && (await import('./service-file.js')).namesUrl(words)) return undefined;
  try {
    return settings.url;
  } catch {
    return undefined;
  }
}

function hasPassword(value: string): boolean {
  return URL.canParse(value) && new URL(value).password !== '';
}

function userOf({ user }: InstallFlags, env: NodeJS.ProcessEnv): string {
  const name = user ?? env['SUDO_USER'] ?? userInfo().username;
  if (USER_NAME.test(name)) return name;
  throw new CliError(EXIT.usage, `--user: "${name}" is not the name of an account`);
}

/** @throws CliError unless only its owner can read the file */
function checkedFile(path: string): string {
  let mode: number;
  let uid: number;
  try {
    ({ mode, uid } = statSync(path));
  } catch (cause) {
    throw new CliError(EXIT.usage, `--env-file: ${(cause as Error).message}`, {
      hint: `Create it with: touch '${path}' && chmod 600 '${path}'`,
      cause,
    });
  }
  const self = process.getuid?.();
  if (self === undefined) return path;
  if (uid !== self && uid !== 0) {
    throw new CliError(EXIT.usage, `--env-file: ${path} belongs to another user, who can change it`, {
      hint: `Run "chown ${self} '${path}'" as root, or name another file.`,
    });
  }
  if ((mode & OTHERS) !== 0) {
    throw new CliError(EXIT.usage, `--env-file: other users can read ${path}`, {
      hint: `Run "chmod 600 '${path}'".`,
    });
  }
  return path;
}

/** @throws CliError if the service would start without a credential, or without a file that it can use */
async function checkCredential(
  context: CommandContext,
  words: readonly string[],
  { environment }: ServiceDefinition,
  flags: InstallFlags,
): Promise<void> {
  const isUp = words[0] === 'up';
  const { settings } = isUp
    ? (await import('./service-file.js')).contextInService(context, words, { variables: environment, flags })
    : context;
  // In a service, only the file can have given a key.
  if (isUp && settings.apiKey !== null) return;
  if (context.settings.apiKey !== null) {
    const { apiKeyVariable } = context.settings;
    throw new CliError(EXIT.usage, `the service does not see ${apiKeyVariable} of this terminal`, {
      hint: 'Put it into a file for --env-file, or store it with "culvert login --apikey -" and unset it.',
    });
  }
  const source = credentialSource(settings);
  if (source === 'workload-identity') {
    throw new CliError(EXIT.usage, 'a service has no token of a CI platform', {
      hint: 'Unset CULVERT_WORKLOAD_IDENTITY, and store a credential with "culvert login".',
    });
  }
  if (source === null) {
    throw new CliError(EXIT.notSignedIn, `you are not signed in at ${settings.url}`, {
      hint: 'Run "culvert login", or name a file with CULVERT_API_KEY by --env-file.',
    });
  }
}
