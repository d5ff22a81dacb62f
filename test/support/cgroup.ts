/**
 * A control group with limits, as a container's: cgroup v2 where it has the controllers, else the cpu and memory hierarchies of
 * v1. It is made below the groups that this process is in, and is gone after `remove`.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GroupLimits {
  /** Of one CPU. */
  readonly cpus: number;
  readonly memoryMiB: number;
}

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 100_000;
const MIB = 1024 * 1024;

export abstract class ControlGroup {
  protected constructor(
    readonly kind: 'cgroup v2' | 'cgroup v1',
    private readonly folders: readonly string[],
  ) {}

  /** Null where this process may make none. */
  static create(name: string, limits: GroupLimits): ControlGroup | null {
    return GroupV2.tryCreate(name, limits) ?? GroupV1.tryCreate(name, limits);
  }

  /** What a program is started with (`startProgram`) to run in it from its first instruction on. */
  get via(): readonly string[] {
    const joins = this.folders.map((folder) => `echo $$ > ${join(folder, 'cgroup.procs')}`).join(' && ');
    return ['/bin/sh', '-c', `${joins} && exec "$@"`, 'sh'];
  }

  /** Most memory it ever had, what the kernel holds for it included. */
  abstract peakMiB(): number;
  /** Memory that its processes have now and the kernel cannot take back: without what is a part of files. */
  abstract anonymousMiB(): number;
  /** Times that it was made to wait for the next period. */
  abstract throttledPeriods(): number;
  /** Processes that were killed since they wanted more memory. */
  abstract outOfMemoryKills(): number;

  /** Its processes must have ended. */
  remove(): void {
    for (const folder of this.folders) rmdirSync(folder);
  }
}

class GroupV2 extends ControlGroup {
  private constructor(private readonly folder: string) {
    super('cgroup v2', [folder]);
  }

  static tryCreate(name: string, { cpus, memoryMiB }: GroupLimits): GroupV2 | null {
    if (!existsSync(`${ROOT}/cgroup.controllers`)) return null;
    const folder = join(ROOT, ownPath(''), name);
    try {
      mkdirSync(folder);
    } catch {
      return null;
    }
    try {
      writeFileSync(join(folder, 'cpu.max'), `${cpus * PERIOD_US} ${PERIOD_US}`);
      writeFileSync(join(folder, 'memory.max'), String(memoryMiB * MIB));
      return new GroupV2(folder);
    } catch {
      // The controllers are not given to groups below.
      rmdirSync(folder);
      return null;
    }
  }

  peakMiB(): number {
    return Number(readFileSync(join(this.folder, 'memory.peak'), 'utf8')) / MIB;
  }
  anonymousMiB(): number {
    return entryOf(join(this.folder, 'memory.stat'), 'anon') / MIB;
  }
  throttledPeriods(): number {
    return entryOf(join(this.folder, 'cpu.stat'), 'nr_throttled');
  }
  outOfMemoryKills(): number {
    return entryOf(join(this.folder, 'memory.events'), 'oom_kill');
  }
}

class GroupV1 extends ControlGroup {
  private constructor(
    private readonly cpu: string,
    private readonly memory: string,
  ) {
    super('cgroup v1', [cpu, memory]);
  }

  static tryCreate(name: string, { cpus, memoryMiB }: GroupLimits): GroupV1 | null {
    const made: string[] = [];
    try {
      for (const controller of ['cpu', 'memory']) {
        const folder = join(ROOT, controller, ownPath(controller), name);
        mkdirSync(folder);
        made.push(folder);
      }
      const [cpu = '', memory = ''] = made;
      writeFileSync(join(cpu, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(cpu, 'cpu.cfs_quota_us'), String(cpus * PERIOD_US));
      writeFileSync(join(memory, 'memory.limit_in_bytes'), String(memoryMiB * MIB));
      return new GroupV1(cpu, memory);
    } catch {
      for (const folder of made) rmdirSync(folder);
      return null;
    }
  }

  peakMiB(): number {
    return Number(readFileSync(join(this.memory, 'memory.max_usage_in_bytes'), 'utf8')) / MIB;
  }
  anonymousMiB(): number {
    return entryOf(join(this.memory, 'memory.stat'), 'rss') / MIB;
  }
  throttledPeriods(): number {
    return entryOf(join(this.cpu, 'cpu.stat'), 'nr_throttled');
  }
  outOfMemoryKills(): number {
    return entryOf(join(this.memory, 'memory.oom_control'), 'oom_kill');
  }
}

/** Where this process is in a hierarchy: `controller` of v1, empty for v2. */
function ownPath(controller: string): string {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(',').includes(controller)) return path;
  }
  throw new Error(`this process is in no group of ${controller || 'cgroup v2'}`);
}

function entryOf(file: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
}
