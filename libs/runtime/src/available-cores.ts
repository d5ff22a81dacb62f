import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Where a container finds its limit of CPU time: cgroup 2, and cgroup 1. */
const LIMIT_FILES = {
  unified: '/sys/fs/cgroup/cpu.max',
  quota: '/sys/fs/cgroup/cpu/cpu.cfs_quota_us',
  period: '/sys/fs/cgroup/cpu/cpu.cfs_period_us',
} as const;

/** Returns how many cores this process can keep busy: those of the machine, or what its container may use, rounded up. */
export function availableCores(read: (path: string) => string = readLimit): number {
  const [quota = '', period = ''] = read(LIMIT_FILES.unified).split(' ');
  const share = shareOf(quota, period) ?? shareOf(read(LIMIT_FILES.quota), read(LIMIT_FILES.period));
  const cores = availableParallelism();
  return share === null ? cores : Math.max(1, Math.min(cores, Math.ceil(share)));
}

/** Null without a limit, which is `max` or -1. */
function shareOf(quota: string, period: string): number | null {
  const share = Number.parseInt(quota, 10) / Number.parseInt(period, 10);
  return Number.isFinite(share) && share > 0 ? share : null;
}

function readLimit(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
