import { readFileSync } from 'node:fs';

/** Returns the ids of the processes that a process has started, oldest first. Linux only. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}
