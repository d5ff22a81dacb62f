/**
 * `credentials.json`: the credential of this person for each server. Only its owner can read it. It is replaced atomically,
 * so that no process reads half of it, and changes by several processes wait for each other.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ClientError } from '../client-error.js';

const tokens = z.object({
  kind: z.literal('tokens'),
  accessToken: z.string(),
  refreshToken: z.string(),
  /** When the access token expires. */
  expiresAt: z.iso.datetime(),
});
const apiKey = z.object({ kind: z.literal('api-key'), apiKey: z.string() });
const credential = z.discriminatedUnion('kind', [tokens, apiKey]);
export type StoredTokens = z.output<typeof tokens>;
export type StoredCredential = z.output<typeof credential>;

const content = z.object({
  version: z.literal(1),
  /** The server of the latest sign-in. */
  current: z.string().nullable(),
  servers: z.record(z.string(), credential),
});
type Content = z.output<typeof content>;

const NAME = 'credentials.json';
const OTHERS_MODE = 0o077;

/** The lock is held for milliseconds: a process that has held it for longer is dead. */
const STALE_LOCK_MS = 10_000;
const LOCK_RETRY_MS = 20;
const MAX_LOCK_WAIT_MS = 15_000;

export class CredentialFile {
  readonly path: string;

  constructor(private readonly directory: string) {
    this.path = join(directory, NAME);
  }

  /** Returns the server of the latest sign-in, also after its end; null if there was none. @throws ClientError if the file is unsafe or cannot be read */
  currentUrl(): string | null {
    return this.read().current;
  }

  /** Returns the credential for this server only. @throws ClientError */
  find(url: string): StoredCredential | null {
    const { servers } = this.read();
    return Object.hasOwn(servers, url) ? (servers[url] ?? null) : null;
  }

  /** Stores a credential. Its server becomes the default. */
  async store(url: string, value: StoredCredential): Promise<void> {
    await this.change((before) => ({
      ...before,
      current: url,
      servers: { ...before.servers, [url]: value },
    }));
  }

  /**
   * Stores tokens that replace `refreshToken`, unless another process or sign-in has replaced them already. Returns the
   * tokens in the file.
   */
  async replaceTokens(
    url: string,
    refreshToken: string,
    value: StoredTokens,
  ): Promise<StoredCredential | null> {
    let kept: StoredCredential | null = null;
    await this.change((before) => {
      const found = before.servers[url];
      const isSame = found?.kind === 'tokens' && found.refreshToken === refreshToken;
      kept = isSame ? value : (found ?? null);
      return isSame ? { ...before, servers: { ...before.servers, [url]: value } } : before;
    });
    return kept;
  }

  /** Deletes the credential of a server. The last server stays the default, so that people can sign in to it again. */
  async remove(url: string): Promise<void> {
    await this.change(({ servers: { [url]: _removed, ...servers }, current, ...before }) => ({
      ...before,
      current: current === url ? (Object.keys(servers).at(-1) ?? url) : current,
      servers,
    }));
  }

  private read(): Content {
    let file: number;
    try {
      file = openSync(this.path, 'r');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
        return { version: 1, current: null, servers: {} };
      throw unusable(`${this.path} cannot be read: ${(cause as Error).message}`, cause);
    }
    try {
      this.refuseOthers(file);
      return content.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (cause) {
      if (cause instanceof ClientError) throw cause;
      throw unusable(`${this.path} was not written by this version of culvert`, cause);
    } finally {
      closeSync(file);
    }
  }

  private refuseOthers(file: number): void {
    if (process.getuid === undefined) return;
    const { mode, uid } = fstatSync(file);
    if (uid !== process.getuid())
      throw unusable(`${this.path} belongs to another user, so it is unclear whose sign-in it holds`);
    if ((mode & OTHERS_MODE) !== 0) {
      throw new ClientError(
        'failure',
        `${this.path} can be read by other users, so they may have your credentials`,
        {
          hint: `Run "chmod 600 '${this.path}'". If other people use this machine, also sign in again.`,
        },
      );
    }
  }

  private async change(change: (before: Content) => Content): Promise<void> {
    // The owner of an existing folder chose its mode; the file has a mode of its own.
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const unlock = await this.lock();
    try {
      const before = this.read();
      const after = change(before);
      if (after !== before) this.write(after);
    } finally {
      unlock();
    }
  }

  private write(after: Content): void {
    const temporary = join(this.directory, `.${NAME}.${randomUUID()}`);
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
  }

  /** Resolves with the function that releases the lock. */
  private async lock(): Promise<() => void> {
    const path = join(this.directory, `.${NAME}.lock`);
    const giveUpAt = performance.now() + MAX_LOCK_WAIT_MS;
    for (;;) {
      try {
        closeSync(openSync(path, 'wx', 0o600));
        return () => rmSync(path, { force: true });
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        if (code !== 'EEXIST' || performance.now() > giveUpAt)
          throw unusable(`${path} cannot be locked: ${(cause as Error).message}`, cause);
      }
      const heldSince = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - heldSince > STALE_LOCK_MS) rmSync(path, { force: true });
      else await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
  }
}

function unusable(message: string, cause?: unknown): ClientError {
  return new ClientError('failure', message, { hint: 'Remove it and run "culvert login".', cause });
}
