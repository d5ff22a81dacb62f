/** What belongs to one file on this machine: its entries among what runs, and files beside them. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configDirectory, type Running, type RunningEntry } from '@culvert/client';
import { WORKSTATION_PREFIX } from '@culvert/contract';
import { z } from 'zod';

const selection = z.object({ names: z.array(z.string()) });

/** Returns a short name for a path, which may be long and have any characters. */
function keyOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}

/** Returns the id of the traffic manager of a file's endpoints. */
export function managerIdOf(machineId: string, path: string): string {
  return `${WORKSTATION_PREFIX}${machineId}/up-${keyOf(path)}`;
}

/** Returns the entries of the endpoints of a file that run now. */
export function runningOf(running: Running, path: string): RunningEntry[] {
  return running.list('up').filter(({ file }) => file === path);
}

/** Returns the entries of endpoints of a file that earlier runs kept. */
export function keptOf(running: Running, path: string): RunningEntry[] {
  return running.listLeft('up').filter(({ file }) => file === path);
}

/** Returns the name of an endpoint from that of its entry. */
export function endpointOf({ name }: RunningEntry): string {
  return name.slice(name.indexOf('/') + 1);
}

/** Returns the name of the entry of an endpoint. */
export function entryName(project: string, endpoint: string): string {
  return `${project}/${endpoint}`;
}

/** Files of a project in the folder of the person's settings. */
export class ProjectFiles {
  private readonly folder: string;
  private readonly key: string;

  constructor(env: NodeJS.ProcessEnv, path: string) {
    this.folder = join(configDirectory(env), 'up');
    this.key = keyOf(path);
  }

  /** Output of a run in the background. */
  get log(): string {
    return join(this.folder, `${this.key}.log`);
  }

  /** Removes the log of an earlier run in the background, which would be taken for that of the run that begins. */
  removeLog(): void {
    rmSync(this.log, { force: true });
  }

  /** Names of the endpoints that a run has. Commands write it, and the run reads it when it changes. */
  get selection(): string {
    return join(this.folder, `${this.key}.json`);
  }

  /** Exists while `culvert down --remove` ends the run, which then reports that the URLs are not kept. */
  private get removal(): string {
    return join(this.folder, `${this.key}.removal`);
  }

  get isBeingRemoved(): boolean {
    return existsSync(this.removal);
  }

  /** Announces that the URLs are removed after the run ended. Returns a function that takes it back. */
  announceRemoval(): () => void {
    this.makeFolder();
    writeFileSync(this.removal, '', { mode: 0o600 });
    return () => this.forgetRemoval();
  }

  /** Removes what a command that was killed left. */
  forgetRemoval(): void {
    rmSync(this.removal, { force: true });
  }

  makeFolder(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
  }

  /** Returns the chosen names; null: all of the file. */
  readSelection(): readonly string[] | null {
    try {
      return selection.parse(JSON.parse(readFileSync(this.selection, 'utf8'))).names;
    } catch {
      return null;
    }
  }

  /** @param names null: all of the file */
  writeSelection(names: readonly string[] | null): void {
    if (names === null) {
      rmSync(this.selection, { force: true });
      return;
    }
    this.makeFolder();
    const temporary = `${this.selection}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify({ names }), { mode: 0o600 });
    renameSync(temporary, this.selection);
  }
}
