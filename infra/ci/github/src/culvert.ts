/** Runs the command `culvert`, which comes with this action. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ActionError, type Environment } from './runner.js';

const COMMAND = fileURLToPath(new URL('culvert.mjs', import.meta.url));
const MAX_OUTPUT_LENGTH = 64 * 1024 * 1024;

/** The fields of a preview that the action uses. */
export const preview = z.object({
  id: z.string(),
  url: z.string(),
  createdAt: z.string(),
  intercept: z.object({ name: z.string(), workload: z.string(), namespace: z.string() }),
});
export type Preview = z.output<typeof preview>;

export interface CulvertSettings {
  readonly url: string;
  /** '': the environment has a key. */
  readonly workloadIdentity: string;
}

/** The command, with the settings of this job. */
export class Culvert {
  private readonly env: NodeJS.ProcessEnv;

  constructor(env: Environment, { url, workloadIdentity }: CulvertSettings) {
    this.env = {
      ...env,
      CULVERT_URL: url,
      CULVERT_NO_UPDATE_CHECK: '1',
      ...(workloadIdentity !== '' && { CULVERT_WORKLOAD_IDENTITY: workloadIdentity }),
    };
  }

  /** Runs a command to its end and returns what it printed. @throws ActionError with what it says if it fails */
  async run(args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const [exitCode] = (await once(child, 'close')) as [number | null];
    if (exitCode !== 0)
      throw new ActionError(
        `culvert ${args.slice(0, 2).join(' ')}: ${stderr().trim() || `exit code ${exitCode}`}`,
      );
    return stdout();
  }

  /** Runs a command and reads its result. */
  async read<T>(schema: z.ZodType<T>, args: readonly string[]): Promise<T> {
    return schema.parse(JSON.parse(await this.run([...args, '--output', 'json'])));
  }

  /**
   * Starts a command that outlives this step. Its output goes to files: the job's log must not contain what visitors
   * send.
   */
  startDetached(
    args: readonly string[],
    files: { readonly stdout: string; readonly stderr: string },
  ): ChildProcess {
    const [out, err] = [openSync(files.stdout, 'w', 0o600), openSync(files.stderr, 'w', 0o600)];
    try {
      return spawn(process.execPath, [COMMAND, ...args], {
        env: this.env,
        stdio: ['ignore', out, err],
        detached: true,
      });
    } finally {
      closeSync(out);
      closeSync(err);
    }
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (part: string) => {
    if (text.length < MAX_OUTPUT_LENGTH) text += part;
  });
  return () => text;
}
