/** The last lines of what `culvert` logged on this machine: runs in the background, and the service. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { configDirectory } from '@culvert/client';
import type { CommandContext } from '../command-context.js';
import { serviceId } from '../service/commands.js';
import { readOwn } from '../service/install.js';
import { runTool } from '../service/run-tool.js';
import { serviceManager } from '../service/service-manager.js';

const MAX_LOGS = 5;
const MAX_BYTES = 64 * 1024;
const SERVICE_LINES = 200;

export interface LastLog {
  /** Name of a file. */
  readonly name: string;
  readonly text: string;
}

/** Returns the newest logs, with secrets. A log that cannot be read is left out. */
export async function lastLogs({ env }: Pick<CommandContext, 'env'>): Promise<LastLog[]> {
  const service = await serviceLog(env).catch(() => null);
  return [...backgroundLogs(env), ...(service === null ? [] : [{ name: 'service.log', text: service }])];
}

/** Logs of `culvert up --detach`. */
function backgroundLogs(env: NodeJS.ProcessEnv): LastLog[] {
  try {
    const folder = join(configDirectory(env), 'up');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(folder, name))
      .map((path) => ({ path, at: statSync(path).mtimeMs }))
      .toSorted((a, b) => b.at - a.at)
      .slice(0, MAX_LOGS)
      .map(({ path }) => ({ name: `up-${basename(path)}`, text: endOf(path) }));
  } catch {
    return [];
  }
}

/** Returns the end of a file, from the beginning of a line. */
function endOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, MAX_BYTES));
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString('utf8', 0, read);
    // Half of a line could be the half of a secret, which nothing would recognize.
    return size > MAX_BYTES ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(file);
  }
}

/** Returns the end of the log of the person's own service, or null if there is none. */
async function serviceLog(env: NodeJS.ProcessEnv): Promise<string | null> {
  const manager = serviceManager({ env, isSystem: false });
  const id = serviceId({});
  if (readOwn(manager.fileOf(id)) === null) return null;
  const command = manager.logs(id, { lines: SERVICE_LINES, follow: false });
  return command === null ? null : runTool(command, env);
}
