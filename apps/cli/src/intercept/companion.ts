/** The command that runs for as long as an intercept. */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

const SIGNAL_BASE = 128;

export class Companion {
  private readonly child: ChildProcess;
  /** Resolves with its exit code, as shells report it. Rejects with a CliError if it cannot be started. */
  readonly exited: Promise<number>;

  /** @param variables variables to add to the environment that it inherits */
  constructor(
    [program = '', ...args]: readonly string[],
    env: NodeJS.ProcessEnv,
    variables: Record<string, string>,
  ) {
    this.child = spawn(program, args, { stdio: 'inherit', env: { ...env, ...variables } });
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', (cause) => {
        const message = `${program} cannot be run: ${cause.message}`;
        reject(
          new CliError(EXIT.localTarget, message, {
            hint: 'Check the command after --.',
            cause,
          }),
        );
      });
      this.child.once('exit', (code, signal) =>
        resolve(code ?? SIGNAL_BASE + (signal === null ? 0 : constants.signals[signal])),
      );
    });
    this.exited.catch(() => undefined);
  }

  /**
   * Resolves when it has ended: by itself, then after a signal, then after a kill, each within `graceMs`.
   * @param wasTold whether it already received our signal, as all processes of a terminal do at Ctrl-C
   */
  async stop(graceMs: number, { wasTold }: { readonly wasTold: boolean }): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (!wasTold) child.kill('SIGTERM');
    const timers = [
      setTimeout(() => child.kill('SIGTERM'), graceMs),
      setTimeout(() => child.kill('SIGKILL'), 2 * graceMs),
    ];
    await this.exited.catch(() => undefined);
    for (const timer of timers) clearTimeout(timer);
  }
}
