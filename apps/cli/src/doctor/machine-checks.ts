/** Checks of this machine: Node, the folder of settings, and what runs. */
import { statSync } from 'node:fs';
import { configDirectory, Running, RUNNING_KINDS } from '@culvert/client';
import type { Check, Finding } from '@culvert/diagnosis';
import type { CommandContext } from '../command-context.js';

/** As in package.json. */
const MIN_NODE = [20, 19] as const;
const OTHERS_WRITE = 0o022;
const TIMEOUT_MS = 2000;

export function machineChecks({ env, settings }: CommandContext): Check[] {
  return [
    check('node', 'Node', () => judgeNode(process.versions.node)),
    check('config', 'Config', () => {
      const directory = configDirectory(env);
      // Reads the file of credentials, and rejects if it is not safe.
      settings.credentials.currentUrl();
      return judgeDirectory(directory);
    }),
    check('running', 'Running', () => judgeRunning(env)),
  ];
}

/** Exported for its spec. */
export function judgeNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor, minMinor] = MIN_NODE;
  const facts = { version, platform: process.platform, arch: process.arch };
  const message = `${version} on ${process.platform} ${process.arch}`;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return { state: 'ok', message, facts };
  const advice = `Install Node ${minMajor}.${minMinor} or later.`;
  return { state: 'failure', message: `${message} is too old`, advice, facts };
}

function judgeDirectory(directory: string): Finding {
  const facts = { directory };
  let mode: number;
  try {
    ({ mode } = statSync(directory));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { state: 'ok', message: `${directory} does not exist yet`, facts };
  }
  const isOpen = process.getuid !== undefined && (mode & OTHERS_WRITE) !== 0;
  const shown = (mode & 0o777).toString(8);
  const found = { ...facts, mode: shown };
  if (!isOpen) return { state: 'ok', message: directory, facts: found };
  const message = `other users may change ${directory} (mode ${shown})`;
  return { state: 'warning', message, advice: `Run "chmod 700 '${directory}'".`, facts: found };
}

function judgeRunning(env: NodeJS.ProcessEnv): Finding {
  // Not `thisMachine`, which makes an id for this machine: checks change nothing.
  const running = new Running(configDirectory(env));
  const count = RUNNING_KINDS.flatMap((kind) => running.list(kind)).length;
  // Entries without a process are kept on purpose, for the next run.
  const stale = RUNNING_KINDS.flatMap((kind) => running.listLeft(kind))
    .filter(({ pid }) => pid !== 0)
    .map(({ kind, name, target, startedAt }) => ({ kind, name, target, startedAt }));
  const facts = { running: count, stale };
  const said = count === 0 ? 'nothing runs' : `${count} ${count === 1 ? 'command runs' : 'commands run'}`;
  if (stale.length === 0) return { state: 'ok', message: said, facts };
  const names = stale.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  return {
    state: 'warning',
    message: `${said}; ended without cleaning up: ${names}`,
    advice: 'Run the command again to take its place, or remove its preview with "culvert preview remove".',
    facts,
  };
}

function check(id: string, title: string, find: () => Finding): Check {
  return { id, title, timeoutMs: TIMEOUT_MS, run: () => new Promise((resolve) => resolve(find())) };
}
