/**
 * What runs on this machine for this person: a file for each `culvert expose` and `culvert intercept`, held by its process
 * while that lives. So two at once do not take each other's place, others see what runs, and one that starts again finds
 * what it made before.
 */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

export const RUNNING_KINDS = ['expose', 'intercept'] as const;
export type RunningKind = (typeof RUNNING_KINDS)[number];

const entry = z.object({
  version: z.literal(1),
  kind: z.enum(RUNNING_KINDS),
  /** What people call it; unique among those of its kind and server that run. */
  name: z.string().max(300),
  /** Address of Culvert, or of the cluster's traffic manager. */
  server: z.string().max(2048),
  /** 0: nobody holds it, and it is kept for the next run. */
  pid: z.int().min(0),
  startedAt: z.iso.datetime(),
  /** What requests are given to. */
  target: z.string().max(300),
  url: z.string().max(2048).nullable(),
  previewId: z.string().max(300).nullable(),
  trafficManagerId: z.string().max(300).nullable(),
});
export type RunningEntry = z.output<typeof entry>;

/** What its process says of itself. */
export type RunningFacts = Pick<RunningEntry, 'target' | 'url' | 'previewId' | 'trafficManagerId'>;

const FOLDER = 'running';
const MAX_OF_ONE_NAME = 50;
/** Between the start of a process and that of its machine, whose clocks are not read at once. */
const CLOCK_SLACK_MS = 5000;

/** A name that is this process's until `release`. */
export interface Claim {
  readonly name: string;
  /** What the last process of this name left; null when there was none, or it left nothing. */
  readonly before: RunningEntry | null;
  /** Writes down what others should see, and what to find again. */
  update(facts: Partial<RunningFacts>): void;
  /** @param keep whether the next run may go on with what is written down */
  release(keep: boolean): void;
}

export interface ClaimOptions {
  readonly kind: RunningKind;
  readonly server: string;
  readonly name: string;
  readonly target: string;
  /** Whether another name, with a number, will do when a living process has this one. */
  readonly mayNumber: boolean;
}

interface EntryFile {
  readonly mine: RunningEntry;
  readonly before: RunningEntry | null;
  /** Whether others see it. */
  readonly isWritten: boolean;
}

export class Running {
  private readonly folder: string | null;

  /** @param configDirectory null: there is none, so nobody else sees what runs, nor does a later run */
  constructor(configDirectory: string | null) {
    this.folder = configDirectory === null ? null : join(configDirectory, FOLDER);
  }

  /** Null when a living process has the name. Where nothing can be written, the claim holds in this process alone. */
  claim(options: ClaimOptions): Claim | null {
    const { name, mayNumber } = options;
    for (let i = 1; i <= (mayNumber ? MAX_OF_ONE_NAME : 1); i++) {
      const numbered = i === 1 ? name : `${name}-${i}`;
      const claimed = this.tryClaim({ ...options, name: numbered });
      if (claimed !== null) return claimed;
    }
    return null;
  }

  /** Those that run now. */
  list(kind: RunningKind): RunningEntry[] {
    return this.files()
      .map(read)
      .filter((found): found is RunningEntry => found?.kind === kind && isAlive(found))
      .toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  }

  private tryClaim({ kind, server, name, target }: ClaimOptions): Claim | null {
    const path = join(this.folder ?? '', fileName(kind, server, name));
    const claimed = this.claimFile(path, {
      version: 1,
      kind,
      name,
      server,
      pid: process.pid,
      startedAt: new Date().toISOString(),
      target,
      url: null,
      previewId: null,
      trafficManagerId: null,
    });
    if (claimed === 'in use') return null;
    let { mine } = claimed;
    let isOurs = claimed.isWritten;
    return {
      name,
      before: claimed.before,
      update: (facts) => {
        mine = { ...mine, ...facts };
        if (isOurs) replace(path, mine);
      },
      release: (keep) => {
        // Somebody may have taken this process for dead.
        if (isOurs && read(path)?.pid === process.pid) {
          if (keep) replace(path, { ...mine, pid: 0 });
          else rmSync(path, { force: true });
        }
        isOurs = false;
      },
    };
  }

  private claimFile(path: string, wanted: RunningEntry): EntryFile | 'in use' {
    const unwritten: EntryFile = { mine: wanted, before: null, isWritten: false };
    if (this.folder === null) return unwritten;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      if (writeNew(path, wanted)) return { mine: wanted, before: null, isWritten: true };
      const before = read(path);
      if (before !== null && isAlive(before)) return 'in use';
      // Of several processes that find the same remains one gets to move them.
      const aside = `${path}.${randomUUID()}`;
      if (!rename(path, aside)) return 'in use';
      const { url = null, previewId = null, trafficManagerId = null } = before ?? {};
      const mine = { ...wanted, url, previewId, trafficManagerId };
      const isWritten = writeNew(path, mine);
      rmSync(aside, { force: true });
      return isWritten ? { mine, before, isWritten } : 'in use';
    } catch {
      return unwritten;
    }
  }

  private files(): string[] {
    const { folder } = this;
    if (folder === null) return [];
    try {
      return readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  }
}

/** Names may have any characters, and servers have many. */
function fileName(kind: RunningKind, server: string, name: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([server, name]))
    .digest('hex')
    .slice(0, 24);
  return `${kind}-${hash}.json`;
}

function read(path: string): RunningEntry | null {
  try {
    return entry.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** False when the file is there already. Others find it whole or not at all. */
function writeNew(path: string, value: RunningEntry): boolean {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(value)}\n`, { flag: 'wx', mode: 0o600 });
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** As a whole, so that nobody reads half of it. What is said of a process is not worth ending it for. */
function replace(path: string, value: RunningEntry): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(value)}\n`, { flag: 'wx', mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}

/** False when somebody else was first. */
function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Process ids are used again: one from before this machine started, or our own, is of somebody who is gone. */
function isAlive({ pid, startedAt }: RunningEntry): boolean {
  if (pid === 0 || pid === process.pid) return false;
  if (Date.parse(startedAt) < Date.now() - uptime() * 1000 - CLOCK_SLACK_MS) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
