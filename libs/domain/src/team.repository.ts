import type { Team, TeamChange } from './team.js';

export interface TeamRepository {
  create(name: string): Promise<Team>;
  /**
   * A team with its first owner.
   * @throws TeamLimitError when the person is a member of `maxTeams` already; of two at once neither is one over
   */
  createWithOwner(name: string, userId: string, maxTeams: number): Promise<Team>;
  /** The oldest: what the first start of the deployment created. */
  findFirst(): Promise<Team | null>;
  find(teamId: string): Promise<Team | null>;
  update(teamId: string, change: TeamChange): Promise<Team | null>;
  /** What it has of everything that is limited: living sessions, usable keys, members, previews. */
  usage(teamId: string, now: Date): Promise<TeamUsage>;
  /**
   * Adds how many requests of each team's previews an edge has forwarded since it last did this, a minute ago. Teams
   * that do not exist are passed over.
   */
  recordRequests(countsByTeam: ReadonlyMap<string, number>, at: Date): Promise<void>;
}

export interface TeamUsage {
  readonly previews: number;
  readonly sessions: number;
  readonly apiKeys: number;
  readonly members: number;
  readonly invitations: number;
  /** Of its previews, through all edges, in the last whole minute that they wrote down. */
  readonly previewRequestsPerMinute: number;
}
