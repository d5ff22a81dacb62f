/**
 * Registry of what runs on this machine for this person: a file for each `culvert expose`, `culvert intercept` and endpoint
 * of `culvert up`, held by its process. It keeps two runs from taking each other's place, shows what runs, and lets a later run find what an earlier
 * one made.
 */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isInUse, isSameStart, ownStart, processStart } from './process-identity.js';

export const RUNNING_KINDS = ['expose', 'intercept', 'up'] as const;
export type RunningKind = (typeof RUNNING_KINDS)[number];

const entry = z.object({
  version: z.literal(1),
  kind: z.enum(RUNNING_KINDS),
  /** Name shown to people; unique among running entries of the same kind, server and file. */
  name: z.string().max(300),
  /** URL of Culvert, or of the cluster's traffic manager. */
  server: z.string().max(2048),
  /** 0: no process holds it; it is kept for the next run. */
  pid: z.int().min(0),
  /** When that process started (`processStart`), since numbers of processes are used again; null: unknown. */
  processStart: z.string().max(100).nullable().default(null),
  startedAt: z.iso.datetime(),
  /** Where requests go. */
  target: z.string().max(300),
  url: z.string().max(2048).nullable(),
  previewId: z.string().max(300).nullable(),
  trafficManagerId: z.string().max(300).nullable(),
  /** URL of the local inspector; null: there is none. */
  inspector: z.string().max(300).nullable().default(null),
  /** The file that it was started from. Names are unique among entries of the same file. */
  file: z.string().max(4096).nullable().default(null),
});
export type RunningEntry = z.output<typeof entry>;

/** The fields that the process itself fills in. */
export type RunningFacts = Pick<
  RunningEntry,
  'target' | 'url' | 'previewId' | 'trafficManagerId' | 'inspector'
>;

const FOLDER = 'running';
const MAX_OF_ONE_NAME = 50;
/** Tolerance when comparing the start of a process with that of the machine, whose clocks are read at different times. */
const CLOCK_SLACK_MS = 5000;

/** Paths of the entries that this process holds. */
const held = new Set<string>();

/** A name that this process holds until `release`. */
export interface Claim {
  readonly name: string;
  /** The entry that the last process of this name left, or null. */
  readonly before: RunningEntry | null;
  /** Records the state that other processes and later runs read. */
  update(facts: Partial<RunningFacts>): void;
  /** @param keep whether the next run may take over the entry */
  release(keep: boolean): void;
}

export interface ClaimOptions {
  readonly kind: RunningKind;
  readonly server: string;
  readonly name: string;
  readonly target: string;
  /** Whether a numbered name may be used if a living process has this one. */
  readonly mayNumber: boolean;
  /** The file that it is started from. Default: none. */
  readonly file?: string;
}

interface EntryFile {
  readonly mine: RunningEntry;
  readonly before: RunningEntry | null;
  /** Whether the entry is on disk, where others see it. */
  readonly isWritten: boolean;
}

export class Running {
  private readonly folder: string | null;

  /** @param configDirectory null if there is none: then other processes and later runs see no entries */
  constructor(configDirectory: string | null) {
    this.folder = configDirectory === null ? null : join(configDirectory, FOLDER);
  }

  /** Claims a name. Null if a living process has it. If no file can be written, the claim holds in this process alone. */
  claim(options: ClaimOptions): Claim | null {
    const { name, mayNumber } = options;
    for (let i = 1; i <= (mayNumber ? MAX_OF_ONE_NAME : 1); i++) {
      const numbered = i === 1 ? name : `${name}-${i}`;
      const claimed = this.tryClaim({ ...options, name: numbered });
      if (claimed !== null) return claimed;
    }
    return null;
  }

  /** Lists the entries of living processes. */
  list(kind: RunningKind): RunningEntry[] {
    const starts: Starts = new Map();
    return this.entries(kind).flatMap(({ found, path }) => (isAlive(found, path, starts) ? [found] : []));
  }

  /** Lists the entries that no living process holds and that the next run may take over. */
  listLeft(kind: RunningKind): RunningEntry[] {
    const starts: Starts = new Map();
    return this.entries(kind).flatMap(({ found, path }) => (isAlive(found, path, starts) ? [] : [found]));
  }

  private entries(kind: RunningKind): { readonly path: string; readonly found: RunningEntry }[] {
    return this.files()
      .flatMap((path) => {
        const found = read(path);
        return found?.kind === kind ? [{ path, found }] : [];
      })
      .toSorted((a, b) => (a.found.startedAt < b.found.startedAt ? -1 : 1));
  }

  private tryClaim({ kind, server, name, target, file }: ClaimOptions): Claim | null {
    const path = join(
      this.folder ?? '',
      fileName(kind, [server, name, ...(file === undefined ? [] : [file])]),
    );
    const claimed = this.claimFile(path, {
      version: 1,
      kind,
      name,
      server,
      pid: process.pid,
      processStart: ownStart(),
      startedAt: new Date().toISOString(),
      target,
      url: null,
      previewId: null,
      trafficManagerId: null,
      inspector: null,
      file: file ?? null,
    });
    if (claimed === 'in use') return null;
    held.add(path);
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
        // Another process may have taken over the entry, believing this one dead.
        if (isOurs && read(path)?.pid === process.pid) {
          if (keep) replace(path, { ...mine, pid: 0 });
          else rmSync(path, { force: true });
        }
        isOurs = false;
        held.delete(path);
      },
    };
  }

  private claimFile(path: string, wanted: RunningEntry): EntryFile | 'in use' {
    const unwritten: EntryFile = { mine: wanted, before: null, isWritten: false };
    if (this.folder === null) return held.has(path) ? 'in use' : unwritten;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      if (writeNew(path, wanted)) return { mine: wanted, before: null, isWritten: true };
      const before = read(path);
      if (before !== null && isAlive(before, path)) return 'in use';
      // Only one of several processes that find the same stale file gets to move it.
      const aside = `${path}.${randomUUID()}`;
      if (!rename(path, aside)) return 'in use';
      const { url = null, previewId = null, trafficManagerId = null } = before ?? {};
      const mine = { ...wanted, url, previewId, trafficManagerId };
      const isWritten = writeNew(path, mine);
      rmSync(aside, { force: true });
      return isWritten ? { mine, before, isWritten } : 'in use';
    } catch {
      return held.has(path) ? 'in use' : unwritten;
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

/** Hashed, since names may have any characters and servers are many. */
function fileName(kind: RunningKind, key: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
  return `${kind}-${hash}.json`;
}

function read(path: string): RunningEntry | null {
  try {
    return entry.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Returns false if the file exists already. Other processes see the complete file or none. */
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

/**
 * Replaces the file atomically, so that no process reads half of it. Best effort: failing to write must not stop the
 * process.
 */
function replace(path: string, value: RunningEntry): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(value)}\n`, { flag: 'wx', mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}

/** Returns false if another process was first. */
function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Starts of processes that were looked up for one list. */
type Starts = Map<number, string | null>;

/**
 * Process ids are reused: an entry from before this machine started belongs to a dead process, and so does one with our own id
 * that we do not hold, or one whose process started at another time. An entry whose start is unknown counts as alive.
 */
function isAlive(
  { pid, startedAt, processStart: expected }: RunningEntry,
  path: string,
  starts: Starts = new Map(),
): boolean {
  if (pid === 0) return false;
  if (pid === process.pid) return held.has(path);
  if (Date.parse(startedAt) < Date.now() - uptime() * 1000 - CLOCK_SLACK_MS) return false;
  if (!isInUse(pid)) return false;
  // Asking Windows takes most of a second, and lists are read every moment: only `endProcess` does so.
  if (expected === null || process.platform === 'win32') return true;
  let found = starts.get(pid);
  if (found === undefined) starts.set(pid, (found = processStart(pid)));
  if (found === null) return isInUse(pid);
  return isSameStart(expected, found);
}
