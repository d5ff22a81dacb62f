import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TemporaryFolder } from '../../services/server.js';
import type { Entrance } from '../rig.js';
import type { Scope } from '../scope.js';

/** Another tunnel that can take Culvert's place. */
export interface Peer {
  readonly name: string;
  /** Programs required on PATH, the server first. */
  readonly programs: readonly string[];
  /** Starts server and client with one tunnel to the service; resolves when a request comes through. */
  start(scope: Scope, context: PeerContext): Promise<RunningPeer>;
}

export interface PeerContext {
  /** Paths of `programs`. */
  readonly paths: readonly string[];
  readonly servicePort: number;
}

export interface RunningPeer {
  readonly entrance: Entrance;
  /** The server's process, whose CPU time compares with an edge's. */
  readonly serverPid: number;
}

const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 100;

/** Starts one program of a peer, with its own files, which `args` may name. Returns its process id. */
export function startPart(
  scope: Scope,
  options: {
    readonly command: string;
    readonly files?: Readonly<Record<string, string>>;
    readonly args: (folder: string) => readonly string[];
  },
): number {
  const folder = new TemporaryFolder('bench-peer');
  for (const [name, text] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder.path, name), text);
  const child = spawn(options.command, options.args(folder.path), { cwd: folder.path, stdio: 'ignore' });
  // A program that cannot run, or ends early, shows as a tunnel without an answer.
  child.on('error', () => {});
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  scope.keep({
    stop: async () => {
      process.off('exit', kill);
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        kill();
        await ended;
      }
      folder.remove();
    },
  });
  if (child.pid === undefined) throw new Error(`${options.command} cannot be run`);
  return child.pid;
}

/** Resolves once `entrance` answers 200. */
export async function untilReady(entrance: Entrance): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await answers(entrance))) {
    if (performance.now() > deadline) throw new Error(`no answer through the tunnel at ${entrance.host}`);
    await delay(POLL_MS);
  }
}

function answers({ port, host }: Entrance): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', agent: false, headers: { host }, timeout: READY_TIMEOUT_MS };
    const request = get(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
