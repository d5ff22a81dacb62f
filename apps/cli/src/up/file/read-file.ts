/** Reads the file of `culvert up` and resolves what depends on where it is. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Target } from '@culvert/client';
import { CliError } from '../../cli-error.js';
import { EXIT } from '../../exit-code.js';
import { MAX_FILE_BYTES, type ParsedFile, parseFile } from './parse-file.js';
import { refuseForeignContent } from './trusted-file.js';
import { type EndpointContent, type FileContent, MAX_NAME, type PathContent } from './schema.js';

/** A command to start. */
export interface CommandPlan {
  /** Name in the output. */
  readonly name: string;
  /** A line for the shell, or a program and its arguments. */
  readonly command: string | readonly string[];
  readonly workingDirectory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A service behind a path of an endpoint. */
export interface PathPlan {
  /** `/` or a path without a slash at the end. */
  readonly path: string;
  readonly target: Target;
  readonly stripPrefix: boolean;
  readonly verifyTls: boolean;
}

/** An endpoint of a file: one URL. */
export interface Endpoint {
  readonly name: string;
  /** The service that gets all requests; null if `paths` has several. */
  readonly target: Target | null;
  readonly paths: readonly PathPlan[];
  readonly content: EndpointContent;
  readonly commands: readonly CommandPlan[];
}

/** A file that was read. */
export interface UpFile {
  readonly path: string;
  /** Whether the person named it, instead of it being found. */
  readonly isNamed: boolean;
  /** Name of the project. */
  readonly name: string;
  readonly url: string | undefined;
  readonly apiKey: string | undefined;
  /** Whether there is an inspector, or its port; undefined: as by default. */
  readonly inspector?: boolean | number | undefined;
  readonly endpoints: readonly Endpoint[];
}

/** @throws CliError, or FileError with the position of each problem */
export function readUpFile(
  path: string,
  env: NodeJS.ProcessEnv,
  { isNamed = false }: { readonly isNamed?: boolean } = {},
): UpFile {
  const { text, mode } = load(path, isNamed);
  const { content, secrets } = parseFile(text, path, env);
  refuseReadableSecrets(path, mode, secrets);
  const folder = dirname(path);
  return {
    path,
    isNamed,
    name: content.name ?? projectName(folder),
    url: content.url,
    apiKey: content.apiKey,
    inspector: content.inspector,
    endpoints: endpointsOf(content, folder),
  };
}

function load(path: string, isNamed: boolean): { readonly text: string; readonly mode: number } {
  try {
    const file = openSync(path, 'r');
    try {
      const state = fstatSync(file);
      const { size, mode } = state;
      if (!isNamed) refuseForeignContent(path, state);
      if (size > MAX_FILE_BYTES)
        throw new CliError(
          EXIT.usage,
          `${path} is too large: it has ${size} bytes (at most ${MAX_FILE_BYTES})`,
        );
      return { text: readFileSync(file, 'utf8'), mode };
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(EXIT.usage, `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Modes of files mean nothing on Windows. */
function refuseReadableSecrets(path: string, mode: number, secrets: ParsedFile['secrets']): void {
  const [first] = secrets;
  if (first === undefined || process.platform === 'win32' || (mode & 0o077) === 0) return;
  throw new CliError(
    EXIT.usage,
    `${path}:${first.line}:${first.column}: ${first.message} has a secret, and other people of this machine may read the file`,
    { hint: `Take it from the environment, as in \${NAME}, or run "chmod 600 ${path}".` },
  );
}

function endpointsOf({ endpoints }: FileContent, folder: string): Endpoint[] {
  return Object.entries(endpoints).map(([name, content]) => {
    const own = commandOf(name, content, folder);
    const ofPaths = Object.entries(content.paths ?? {}).flatMap(([path, each]) =>
      commandOf(`${name}${path}`, each, folder),
    );
    return {
      name,
      target: content.target ?? null,
      content,
      paths: pathsOf(content),
      commands: [...own, ...ofPaths],
    };
  });
}

/** Returns the services of an endpoint that has several. */
export function pathsOf({ paths }: EndpointContent): PathPlan[] {
  return Object.entries(paths ?? {}).map(([path, { target, stripPrefix, insecureTarget }]) => ({
    path,
    target,
    stripPrefix: stripPrefix && path !== '/',
    verifyTls: !insecureTarget,
  }));
}

function commandOf(
  name: string,
  { command, workingDirectory, env }: Pick<PathContent, 'command' | 'workingDirectory' | 'env'>,
  folder: string,
): CommandPlan[] {
  if (command === undefined) return [];
  return [{ name, command, workingDirectory: resolve(folder, workingDirectory ?? '.'), env: env ?? {} }];
}

/** Returns a name that previews may have. */
function projectName(folder: string): string {
  const name = basename(folder)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, MAX_NAME)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  return name === '' ? 'project' : name;
}
