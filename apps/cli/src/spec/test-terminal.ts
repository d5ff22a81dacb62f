import { PassThrough, Readable, Writable } from 'node:stream';
import { runCulvert } from '../command.js';
import type { Environment } from '../command-context.js';

/** Collects what is written to it. */
export class TestStream extends Writable {
  text = '';

  constructor(readonly isTTY = false) {
    super();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of `culvert` in this process, with exactly this environment. */
export async function runCommand(
  argv: readonly string[],
  options: { env?: NodeJS.ProcessEnv; stdin?: string; isTTY?: boolean; signal?: AbortSignal } = {},
): Promise<Run> {
  const stdout = new TestStream(options.isTTY);
  const stderr = new TestStream(options.isTTY);
  const environment: Environment = {
    env: options.env ?? {},
    stdin:
      options.stdin === undefined ? new PassThrough().end() : Readable.from([Buffer.from(options.stdin)]),
    stdout,
    stderr,
    signal: options.signal ?? new AbortController().signal,
  };
  const exitCode = await runCulvert(argv, environment);
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
