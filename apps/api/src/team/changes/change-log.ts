import { randomBytes } from 'node:crypto';
import type { ChangeEvent } from '@culvert/contract';

/** A change with its position among those of its team. */
export interface LoggedChange {
  /** `<epoch>-<number>`: position after which a stream resumes. */
  readonly id: string;
  readonly change: ChangeEvent;
}

/** The latest changes of one team. A log that was forgotten and started again has another epoch. */
interface TeamLog {
  readonly epoch: string;
  /** Number of the last change; 0 before the first. */
  last: number;
  /** Changes numbered `last - length + 1` to `last`. */
  readonly changes: ChangeEvent[];
}

export interface ChangeLogLimits {
  readonly maxChangesPerTeam: number;
  /** Maximum number of changes of all teams together; the team that was quiet for longest is forgotten first. */
  readonly maxChanges: number;
  readonly maxTeams: number;
}

const DEFAULT_LIMITS: ChangeLogLimits = { maxChangesPerTeam: 256, maxChanges: 50_000, maxTeams: 20_000 };

const ID = /^([0-9a-f]{16})-(\d{1,15})$/;

/** Recent changes in each team, for streams that were interrupted. In the memory of this process, and bounded. */
export class ChangeLog {
  /** Teams, the one that was quiet for longest first. */
  private readonly teams = new Map<string, TeamLog>();
  private count = 0;

  constructor(private readonly limits: ChangeLogLimits = DEFAULT_LIMITS) {}

  push(teamId: string, change: ChangeEvent): LoggedChange {
    const log = this.logOf(teamId);
    log.last++;
    log.changes.push(change);
    this.count++;
    if (log.changes.length > this.limits.maxChangesPerTeam) {
      log.changes.shift();
      this.count--;
    }
    this.forgetQuiet(teamId);
    return { id: idOf(log, log.last), change };
  }

  /** Returns the ID of the team's last change, or the position before its first. */
  position(teamId: string): string {
    const log = this.logOf(teamId);
    this.forgetQuiet(teamId);
    return idOf(log, log.last);
  }

  /** Returns the changes after the one with this ID; null if that is no longer known. */
  since(teamId: string, id: string): LoggedChange[] | null {
    const [, epoch, number] = ID.exec(id) ?? [];
    const log = this.teams.get(teamId);
    if (log === undefined || log.epoch !== epoch) return null;
    const first = log.last - log.changes.length + 1;
    const from = Number(number) + 1;
    if (from < first || from > log.last + 1) return null;
    return log.changes.slice(from - first).map((change, i) => ({ id: idOf(log, from + i), change }));
  }

  /** Forgets everything after changes may have been missed: streams can no longer resume from before. */
  clear(): void {
    this.teams.clear();
    this.count = 0;
  }

  private logOf(teamId: string): TeamLog {
    const log = this.teams.get(teamId) ?? { epoch: randomBytes(8).toString('hex'), last: 0, changes: [] };
    this.teams.delete(teamId);
    this.teams.set(teamId, log);
    return log;
  }

  private forgetQuiet(exceptTeamId: string): void {
    for (const [teamId, { changes }] of this.teams) {
      const isFull = this.count > this.limits.maxChanges || this.teams.size > this.limits.maxTeams;
      if (!isFull || teamId === exceptTeamId) return;
      this.teams.delete(teamId);
      this.count -= changes.length;
    }
  }
}

function idOf({ epoch }: TeamLog, number: number): string {
  return `${epoch}-${number}`;
}
