/**
 * A control group with limits, like a container's: cgroup v2 if it has the controllers, else the cpu and memory hierarchies
 * of v1. It is created below the groups of this process, and removed by `remove`.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GroupLimits {
  /** Share of one CPU. */
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

  /** Null if this process may not create one. */
  static create(name: string, limits: GroupLimits): ControlGroup | null {
    return GroupV2.tryCreate(name, limits) ?? GroupV1.tryCreate(name, limits);
  }

  /** Command prefix for a program (`startProgram`) that runs in it from its first instruction on. */
  get via(): readonly string[] {
    const joins = this.folders.map((folder) => `echo $$ > ${join(folder, 'cgroup.procs')}`).join(' && ');
    return ['/bin/sh', '-c', `${joins} && exec "$@"`, 'sh'];
  }

  /** Highest memory use so far, including the kernel's memory for it. */
  abstract peakMiB(): number;
  /** Memory of its processes that the kernel cannot reclaim: without parts of files. */
  abstract anonymousMiB(): number;
  /** Number of times it was throttled until the next period. */
  abstract throttledPeriods(): number;
  /** Number of processes killed for exceeding the memory limit. */
  abstract outOfMemoryKills(): number;

  /** Requires that its processes have ended. */
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
      // The controllers are not available to subgroups.
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

/** Returns the group of this process in a hierarchy: `controller` of v1, empty for v2. */
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
