import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/** A file that appears under its name only when it is complete. Errors are CliErrors. */
export class WholeFile {
  private readonly temporary: string;
  private readonly file: number;

  /** @throws CliError if the file cannot be written, so that a command fails before it does anything */
  constructor(private readonly path: string) {
    this.temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
    this.file = this.attempt(() => openSync(this.temporary, 'w', 0o600));
  }

  write(bytes: Uint8Array): void {
    this.attempt(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at);
    });
  }

  /** Gives the file its name, in place of an older one. */
  finish(): void {
    this.attempt(() => {
      closeSync(this.file);
      renameSync(this.temporary, this.path);
    });
  }

  /** Removes what was written. */
  abandon(): void {
    try {
      closeSync(this.file);
    } catch {
      // It is closed already.
    }
    rmSync(this.temporary, { force: true });
  }

  private attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (cause) {
      throw new CliError(EXIT.usage, `${this.path} cannot be written: ${(cause as Error).message}`, {
        hint: 'Name a file in a folder that you can write to.',
        cause,
      });
    }
  }
}
