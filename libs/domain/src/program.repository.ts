import type { Role } from '@culvert/terms';
import type { Page, PageRequest } from './page.js';
import type {
  AccessTokenOwner,
  IssuedTokens,
  PendingCode,
  Program,
  ProgramDraft,
  ProgramInTeam,
  RefreshableProgram,
} from './program.js';

/** Programs on people's machines that they allowed, with codes and tokens of which only hashes are kept. */
export interface ProgramRepository {
  /** Null if the person is not a member of the team. */
  create(teamId: string, draft: ProgramDraft): Promise<Program | null>;
  /** Across teams: the code is the proof. Finds used and expired codes too. */
  findByCodeHash(codeHash: string): Promise<PendingCode | null>;
  /** Uses up a code and stores the first tokens. Returns false, and changes nothing, if the code was already used. */
  exchangeCode(teamId: string, programId: string, tokens: IssuedTokens, at: Date): Promise<boolean>;
  /** Across teams: the token is the proof. Finds expired and superseded tokens too. */
  findByRefreshTokenHash(hash: string): Promise<RefreshableProgram | null>;
  /**
   * Stores the tokens for which the refresh token with this hash was exchanged. Returns false, and changes nothing, if
   * it is gone.
   */
  refresh(teamId: string, refreshTokenHash: string, tokens: IssuedTokens, at: Date): Promise<boolean>;
  /** Across teams: the token is the proof. Null if it is unknown, expired or revoked, or its person left the team. */
  findByAccessTokenHash(hash: string, now: Date): Promise<AccessTokenOwner | null>;
  /**
   * Across teams, for the edge: returns those of these programs that are alive, with the role of their person in the
   * team.
   */
  findAlive(
    ids: readonly string[],
    now: Date,
  ): Promise<{ readonly id: string; readonly clientId: string; readonly role: Role }[]>;
  /**
   * Across teams: returns all living programs of a person, newest first. Those whose code was never used are left out.
   */
  list(userId: string, page: PageRequest, now: Date): Promise<Page<ProgramInTeam>>;
  /** Across teams: removes every program of a person, with its tokens. Returns them. */
  revokeAll(userId: string): Promise<Program[]>;
  /** Removes it with its tokens. Null if the person has no such program. */
  revoke(userId: string, id: string): Promise<Program | null>;
  /** Removes programs and tokens of any team that stopped working before `now`. Returns how many programs. */
  removeExpired(now: Date): Promise<number>;
}
