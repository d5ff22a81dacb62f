/** `culvert up` itself: reads the file, and starts or checks it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Machine, showTarget, thisMachine } from '@culvert/client';
import { CliError } from '../cli-error.js';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { isFolder } from './command-process.js';
import { FileError, showProblem } from './file/parse-file.js';
import { findFile } from './file/find-file.js';
import { type Endpoint, readUpFile, type UpFile } from './file/read-file.js';
import { endpointOf, keptOf, ProjectFiles, runningOf } from './project.js';
import { withFileSettings } from './file-settings.js';
import { UpRun } from './up-run.js';

const JOIN_TIMEOUT_MS = 15_000;
const LOOK_MS = 100;

/** The flags of `up`. */
export interface UpFlags {
  readonly file?: string;
  readonly check?: boolean;
  readonly detach?: boolean;
  readonly schema?: boolean;
  readonly inspector?: boolean;
  readonly inspectorPort?: number;
  /** Set by `--detach` for the process in the background. */
  readonly announce?: boolean;
}

export async function up(
  given: CommandContext,
  names: readonly string[],
  flags: UpFlags & Pick<GlobalFlags, 'url' | 'caFile'>,
): Promise<number> {
  if (flags.schema === true) {
    const { fileSchema } = await import('./file/schema.js');
    given.output.verbatim(JSON.stringify(fileSchema(), null, 2));
    return EXIT.ok;
  }
  const file = readReported(given, findFile(process.cwd(), flags.file), flags.file !== undefined);
  const endpoints = selected(file, names);
  if (flags.check === true) {
    check(given, file, endpoints);
    return EXIT.ok;
  }
  const context = withFileSettings(given, file, flags);
  const machine = thisMachine(context.env);
  const files = new ProjectFiles(context.env, file.path);
  // Fails early if no one is signed in, before anything is claimed.
  const { bearer: _bearer } = context;
  const others = runningOf(machine.running, file.path).map(endpointOf);
  if (others.length > 0) return join({ context, machine, files, path: file.path }, others, names);
  noteLeft(context, machine, file);
  files.forgetRemoval();
  files.writeSelection(names.length === 0 ? null : endpoints.map(({ name }) => name));
  if (flags.detach === true) {
    const { startInBackground, showStarted } = await import('./background.js');
    const { running } = machine;
    const started = await startInBackground({ context, running, files, path: file.path, names, flags });
    if (typeof started === 'number') return started;
    showStarted(context, started);
    return EXIT.ok;
  }
  let onReady: (() => void) | null = null;
  if (flags.announce === true) {
    const { announceReady, limitLog } = await import('./background.js');
    limitLog(files.log);
    onReady = announceReady;
  }
  const inspector = inspectorOf(file, flags);
  const run = await UpRun.create({ context, machine, files, inspector, onReady }, file, endpoints);
  if (flags.announce !== true) files.removeLog();
  try {
    return await run.run();
  } finally {
    await context.endCredential();
  }
}

/** Returns the port of the inspector, undefined for any; null: there is none. Flags win over the file. */
function inspectorOf({ inspector }: UpFile, flags: UpFlags): { readonly port: number | undefined } | null {
  if (flags.inspector === false || (inspector === false && flags.inspectorPort === undefined)) return null;
  return { port: flags.inspectorPort ?? (typeof inspector === 'number' ? inspector : undefined) };
}

/** Reads a file. Prints all problems but the last, which the error has: so all are in the order of the file. */
function readReported({ env, output }: CommandContext, path: string, isNamed: boolean): UpFile {
  try {
    return readUpFile(path, env, { isNamed });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    for (const problem of error.problems.slice(0, -1)) output.error(showProblem(path, problem));
    throw new FileError(path, error.problems.slice(-1));
  }
}

/** Returns the endpoints of these names; without names, all. @throws CliError if the file does not have one */
export function selected(file: UpFile, names: readonly string[]): readonly Endpoint[] {
  const unknown = names.find((name) => !file.endpoints.some((each) => each.name === name));
  if (unknown !== undefined) {
    throw new CliError(EXIT.usage, `${file.path} has no endpoint ${unknown}`, {
      hint: `It has ${file.endpoints.map(({ name }) => name).join(', ')}.`,
    });
  }
  return names.length === 0 ? file.endpoints : file.endpoints.filter(({ name }) => names.includes(name));
}

interface Joining {
  readonly context: CommandContext;
  readonly machine: Machine;
  readonly files: ProjectFiles;
  readonly path: string;
}

/** Adds endpoints to a run that is under way, and waits until they have their URLs. */
async function join(
  { context: { output, signal }, machine, files, path }: Joining,
  others: readonly string[],
  names: readonly string[],
): Promise<ExitCode> {
  const missing = names.filter((name) => !others.includes(name));
  if (missing.length === 0) {
    throw new CliError(EXIT.conflict, 'this file is up already', {
      hint: 'End it with "culvert down". "culvert logs" shows its output in the background.',
    });
  }
  files.writeSelection([...others, ...missing]);
  const end = performance.now() + JOIN_TIMEOUT_MS;
  for (;;) {
    const added = runningOf(machine.running, path).filter(
      (entry) => missing.includes(endpointOf(entry)) && entry.url !== null,
    );
    if (added.length === missing.length) {
      const result = added.map((entry) => ({ name: endpointOf(entry), url: entry.url }));
      output.result(result, () => {
        for (const { name, url } of result) output.line(`${name}  ${url}`);
      });
      return EXIT.ok;
    }
    signal.throwIfAborted();
    if (performance.now() > end) {
      throw new CliError(EXIT.failure, `${missing.join(', ')} could not be added in time`, {
        hint: 'The output of the run says why: in its terminal, or "culvert logs".',
      });
    }
    await sleep(LOOK_MS);
  }
}

/** Mentions URLs of endpoints that the file no longer has. */
function noteLeft({ output }: CommandContext, { running }: Machine, file: UpFile): void {
  const left = keptOf(running, file.path)
    .map(endpointOf)
    .filter((name) => !file.endpoints.some((endpoint) => endpoint.name === name));
  if (left.length === 0) return;
  const names = left.join(' ');
  output.note(
    `The file no longer has ${left.join(', ')}. "culvert down --remove ${names}" removes the URLs.`,
  );
}

function check({ output }: CommandContext, file: UpFile, endpoints: readonly Endpoint[]): void {
  refuseMissingFolders(file.path, endpoints);
  const described = endpoints.map(({ name, target, paths, content, commands }) => ({
    name,
    access: content.access,
    target: target === null ? null : showTarget(target),
    paths: paths.map(({ path, target: service, stripPrefix }) => ({
      path,
      target: showTarget(service),
      stripPrefix,
    })),
    commands: commands.map(({ command }) => (typeof command === 'string' ? command : command.join(' '))),
  }));
  output.result({ file: file.path, name: file.name, endpoints: described }, () => {
    output.note(`${file.path} is valid. "culvert up" would expose:`);
    output.table(
      ['ENDPOINT', 'ACCESS', 'TARGET', 'COMMANDS'],
      described.map(({ name, access, target, paths, commands }) => [
        name,
        access,
        target ?? paths.map((each) => `${each.path} → ${each.target}`).join(', '),
        commands.join('; '),
      ]),
      '',
    );
  });
}

/** The schema cannot check it: a folder may also be made after the file was read. */
function refuseMissingFolders(path: string, endpoints: readonly Endpoint[]): void {
  for (const { name, workingDirectory } of endpoints.flatMap(({ commands }) => commands)) {
    if (isFolder(workingDirectory)) continue;
    throw new CliError(
      EXIT.usage,
      `${path}: the command of ${name} cannot be started: ${workingDirectory} is not a folder`,
      {
        hint: 'workingDirectory is relative to the folder of the file.',
      },
    );
  }
}
