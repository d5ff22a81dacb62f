/** `culvert open`: the URL of an endpoint in a browser. */
import { hostname } from 'node:os';
import { thisMachine } from '@culvert/client';
import { openBrowser } from '../account/open-browser.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { locateFile } from './file/find-file.js';
import { endpointOf, runningOf } from './project.js';

export interface OpenFlags {
  readonly file?: string;
  readonly inspector?: boolean;
}

/**
 * Opens the inspector of a run of `culvert up` or `culvert expose`.
 * @param name of an endpoint or of an exposed target; undefined: the only run
 */
export async function openInspector(
  { env, output }: CommandContext,
  name: string | undefined,
  { file }: OpenFlags,
): Promise<void> {
  const { running } = thisMachine(env);
  const path = file === undefined ? null : locateFile(process.cwd(), file);
  const found = new Map<string, string>();
  for (const entry of [...running.list('up'), ...running.list('expose')]) {
    const entryName = entry.kind === 'up' ? endpointOf(entry) : entry.name;
    const isMeant = (name === undefined || entryName === name) && (path === null || entry.file === path);
    if (isMeant && entry.inspector !== null) found.set(entry.inspector, entry.file ?? entry.name);
  }
  const [url, ...others] = found.keys();
  if (url === undefined) {
    throw new CliError(EXIT.notFound, 'no inspector is running', {
      hint: 'Start "culvert expose" or "culvert up" without --no-inspector.',
    });
  }
  if (others.length > 0) {
    const names = [...found].map(([each, of]) => `${each} (${of})`).join(', ');
    throw new CliError(EXIT.usage, 'several inspectors are running', { hint: `Open one of ${names}.` });
  }
  const { port } = new URL(url);
  const host = hostname();
  show(url, {
    env,
    output,
    hint: `The inspector answers only on this machine. On yours, run "ssh -L ${port}:127.0.0.1:${port} ${host}", then open ${url}.`,
  });
}

export async function openEndpoint(
  { env, output }: CommandContext,
  name: string | undefined,
  { file }: OpenFlags,
): Promise<void> {
  const path = locateFile(process.cwd(), file);
  const running = runningOf(thisMachine(env).running, path);
  const names = running.map(endpointOf);
  const found = running.filter((entry) => name === undefined || endpointOf(entry) === name);
  const [first, ...others] = found;
  const url = first?.url ?? null;
  if (url === null) {
    throw new CliError(
      EXIT.notFound,
      `${name === undefined ? 'nothing' : `no endpoint ${name}`} of ${path} is up`,
      {
        hint: running.length === 0 ? 'Start it with "culvert up".' : `These are up: ${names.join(', ')}.`,
      },
    );
  }
  if (others.length > 0) {
    throw new CliError(EXIT.usage, 'several endpoints are up', { hint: `Name one of ${names.join(', ')}.` });
  }
  show(url, { env, output, hint: `Open ${url} on another machine.` });
}

interface Showing {
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
  /** What to do without a browser. */
  readonly hint: string;
}

function show(url: string, { env, output, hint }: Showing): void {
  if (!openBrowser(url, env)) {
    throw new CliError(EXIT.localTarget, 'this machine has no browser to open', { hint });
  }
  output.result({ url }, () => output.line(url));
}
