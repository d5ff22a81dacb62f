import type { KeepPolicy } from './keeping.js';
import type { Team, TeamChange } from './team.js';

export interface TeamRepository {
  create(name: string): Promise<Team>;
  /**
   * Creates a team with its first owner.
   * @throws TeamLimitError if the person is a member of `maxTeams` already; two calls at once do not exceed it
   */
  createWithOwner(name: string, userId: string, maxTeams: number): Promise<Team>;
  /** Returns the oldest team, which the first start of the deployment created. */
  findFirst(): Promise<Team | null>;
  find(teamId: string): Promise<Team | null>;
  update(teamId: string, change: TeamChange): Promise<Team | null>;
  /**
   * Replaces the policy for keeping exchanges. Lowers the settings of previews that exceed it, and removes kept
   * exchanges and bodies that it no longer allows: all of them if it redacts more names.
   * @returns hostnames of the previews that keep exchanges, or did; null if the team does not exist
   */
  setKeepPolicy(teamId: string, policy: KeepPolicy | null): Promise<readonly string[] | null>;
  /** Returns the team's use of everything that is limited: living sessions, usable keys, members, previews. */
  usage(teamId: string, now: Date): Promise<TeamUsage>;
  /**
   * Adds the requests that an edge forwarded to each team's previews since the last call, a minute ago. Teams that do
   * not exist are skipped.
   */
  recordRequests(countsByTeam: ReadonlyMap<string, number>, at: Date): Promise<void>;
}

export interface TeamUsage {
  readonly previews: number;
  readonly sessions: number;
  readonly apiKeys: number;
  readonly members: number;
  readonly invitations: number;
  /** Requests to its previews through all edges in the last whole recorded minute. */
  readonly previewRequestsPerMinute: number;
}
