/** `culvert demo`: starts the demo of the package `@culvert/server`, which npm fetches if it is not installed. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { VERSION } from '@culvert/client';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { Companion } from '../intercept/companion.js';

const PACKAGE = '@culvert/server';
const LAUNCHER = 'npm/culvert-server.mjs';
const STOP_GRACE_MS = 15_000;
/** Long enough for a slow network: the package and its dependencies have about 20 MB. */
const FETCH_TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 65_536;

/** Runs the demo until it ends or is interrupted. Returns its exit code. */
export async function runDemo(
  { env, output, signal }: CommandContext,
  { port }: { readonly port?: number },
): Promise<number> {
  const installed = findInstalled();
  if (installed === null) output.note(`Fetching ${PACKAGE} ${VERSION} with npm …`);
  const launcher = installed ?? (await fetchServer(env, signal));
  const variables: Record<string, string> = port === undefined ? {} : { PORT: String(port) };
  const demo = new Companion([nodePath(), launcher, 'demo'], env, variables);
  const stop = (): void => {
    const isInterrupted = (signal.reason as CliError).exitCode === EXIT.interrupted;
    // At Ctrl-C the terminal signals the demo too.
    void demo.stop(STOP_GRACE_MS, { wasTold: isInterrupted });
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return demo.exited;
}

/** Returns the Node that runs `culvert`, or that of the PATH where `culvert` is an executable of its own. */
function nodePath(): string {
  return /^node(?:\.exe)?$/.test(basename(process.execPath)) ? process.execPath : 'node';
}

/** Returns the launcher of a server of this version that is installed in this folder or beside `culvert`; otherwise null. */
function findInstalled(): string | null {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      const manifest = createRequire(from).resolve(`${PACKAGE}/package.json`);
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: unknown };
      if (version === VERSION) return join(dirname(manifest), LAUNCHER);
    } catch {
      // Not installed there.
    }
  }
  return null;
}

/**
 * Returns the launcher in npm's cache. npm itself is not left running, because it does not pass signals on.
 * @throws CliError if npm cannot be run, or cannot fetch the package
 */
async function fetchServer(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const args = ['exec', '--yes', `--package=${PACKAGE}@${VERSION}`, '--', 'culvert-server', 'path'];
  // npm is a script on Windows, which only a shell starts. None of the arguments comes from outside.
  const options = {
    env,
    signal,
    timeout: FETCH_TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    shell: process.platform === 'win32',
  };
  return new Promise((resolve, reject) => {
    execFile('npm', args, options, (cause, stdout, stderr) => {
      const path = stdout.trim().split('\n').at(-1) ?? '';
      if (cause === null && path !== '') {
        resolve(path);
        return;
      }
      const reason = stderr.trim().split('\n')[0] ?? '';
      const message = `npm cannot fetch ${PACKAGE}@${VERSION}: ${reason || (cause?.message ?? 'it printed no path')}`;
      const hint = `Check that npm works, or install it yourself: npm install ${PACKAGE}@${VERSION}`;
      reject(new CliError(EXIT.localTarget, message, { hint, ...(cause && { cause }) }));
    });
  });
}
