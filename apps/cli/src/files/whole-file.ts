import { randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/** A file that appears under its name only when it is complete, and that only its owner can read. Errors are CliErrors. */
export class WholeFile {
  private readonly temporary: string;
  private readonly file: number;
  private isOpen = true;

  /** @throws CliError if the file cannot be written, so that a command fails before it does anything */
  constructor(private readonly path: string) {
    this.temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
    // Another user of the folder may have planted a file or a link: the name is random, and must not exist.
    this.file = this.attempt(() => openSync(this.temporary, 'wx', 0o600));
  }

  write(bytes: Uint8Array): void {
    this.attempt(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at);
    });
  }

  /** Gives the file its name, in place of an older one. */
  finish(): void {
    this.attempt(() => {
      this.close();
      renameSync(this.temporary, this.path);
    });
  }

  /** Removes what was written. */
  abandon(): void {
    try {
      this.close();
    } catch {
      // The file is removed all the same.
    }
    rmSync(this.temporary, { force: true });
  }

  private close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    closeSync(this.file);
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
