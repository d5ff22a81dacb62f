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

/** What people allowed programs on their machines, by codes and tokens of which only hashes are kept. */
export interface ProgramRepository {
  /** Null when the person is no member of the team. */
  create(teamId: string, draft: ProgramDraft): Promise<Program | null>;
  /** Across teams: the code is the proof. Finds used and expired codes too. */
  findByCodeHash(codeHash: string): Promise<PendingCode | null>;
  /** Uses up a code and stores the first tokens. False, and nothing, when the code was used already. */
  exchangeCode(teamId: string, programId: string, tokens: IssuedTokens, at: Date): Promise<boolean>;
  /** Across teams: the token is the proof. Finds expired and superseded tokens too. */
  findByRefreshTokenHash(hash: string): Promise<RefreshableProgram | null>;
  /** Stores the tokens that the refresh token of this hash was exchanged for. False, and nothing, when it is gone. */
  refresh(teamId: string, refreshTokenHash: string, tokens: IssuedTokens, at: Date): Promise<boolean>;
  /** Across teams: the token is the proof. Null when it is unknown, expired or revoked, or its person left the team. */
  findByAccessTokenHash(hash: string, now: Date): Promise<AccessTokenOwner | null>;
  /** Across teams, for the edge: those of these programs that are alive, with what their person is in the team. */
  findAlive(
    ids: readonly string[],
    now: Date,
  ): Promise<{ readonly id: string; readonly clientId: string; readonly role: Role }[]>;
  /** Across teams, all of a person's that are alive. Newest first; those whose code was never used are left out. */
  list(userId: string, page: PageRequest, now: Date): Promise<Page<ProgramInTeam>>;
  /** Across teams: removes every program of a person, with its tokens. Returns them. */
  revokeAll(userId: string): Promise<Program[]>;
  /** Removes it with its tokens. Null when the person has no such program. */
  revoke(userId: string, id: string): Promise<Program | null>;
  /** Removes programs and tokens, of any team, that stopped working before `now`. Returns how many programs. */
  removeExpired(now: Date): Promise<number>;
}
