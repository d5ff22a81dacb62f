import {
  ACCESS_TOKEN_LIFETIME_MS,
  CODE_LIFETIME_MS,
  REFRESH_TOKEN_LIFETIME_MS,
  SUPERSEDED_TOKEN_GRACE_MS,
  SUPERSEDED_TOKEN_MEMORY_MS,
  type AccessTokenOwner,
  type IssuedTokens,
  type Program,
  type ProgramDraft,
  type ProgramInTeam,
  type ProgramRepository,
  type Page,
  type PageRequest,
  type PendingCode,
  type RefreshableProgram,
  type Role,
} from '@culvert/domain';
import { isForeignKeyViolation, type Client, type TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { isStorable } from '../text.js';

/** Columns of a program. */
export const PROGRAM_FIELDS = {
  id: true,
  teamId: true,
  userId: true,
  clientId: true,
  createdAt: true,
  lastUsedAt: true,
  expiresAt: true,
} as const;

export class PrismaProgramRepository implements ProgramRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, { at, ...draft }: ProgramDraft): Promise<Program | null> {
    if (!isUuid(teamId) || !isUuid(draft.userId)) return null;
    const codeExpiresAt = after(at, CODE_LIFETIME_MS);
    try {
      return await this.client.program.create({
        data: { ...draft, id: newId(), teamId, createdAt: at, codeExpiresAt, expiresAt: codeExpiresAt },
        select: PROGRAM_FIELDS,
      });
    } catch (error) {
      if (isForeignKeyViolation(error)) return null;
      throw error;
    }
  }

  async findByCodeHash(codeHash: string): Promise<PendingCode | null> {
    if (!isStorable(codeHash)) return null;
    const row = await this.client.program.findUnique({
      where: { codeHash },
      select: {
        ...PROGRAM_FIELDS,
        codeChallenge: true,
        redirectUri: true,
        codeExpiresAt: true,
        codeUsedAt: true,
      },
    });
    if (row === null) return null;
    const { codeChallenge, redirectUri, codeExpiresAt, codeUsedAt, ...program } = row;
    // A device code: it is not exchanged here.
    if (codeChallenge === null || redirectUri === null) return null;
    return { program, codeChallenge, redirectUri, expiresAt: codeExpiresAt, isUsed: codeUsedAt !== null };
  }

  async exchangeCode(teamId: string, programId: string, tokens: IssuedTokens, at: Date): Promise<boolean> {
    if (!isUuid(teamId) || !isUuid(programId)) return false;
    return this.client.$transaction((tx) => exchangeCodeIn(tx, teamId, programId, tokens, at));
  }

  async findByRefreshTokenHash(hash: string): Promise<RefreshableProgram | null> {
    if (!isStorable(hash)) return null;
    const row = await this.client.oAuthRefreshToken.findUnique({
      where: { hash },
      select: { expiresAt: true, supersededAt: true, program: { select: PROGRAM_FIELDS } },
    });
    if (row === null) return null;
    const { program, ...token } = row;
    return { program, ...token };
  }

  async refresh(teamId: string, refreshTokenHash: string, tokens: IssuedTokens, at: Date): Promise<boolean> {
    if (!isUuid(teamId)) return false;
    try {
      return await this.client.$transaction((tx) => refreshIn(tx, teamId, refreshTokenHash, tokens, at));
    } catch (error) {
      // The program was ended in the meantime.
      if (isForeignKeyViolation(error)) return false;
      throw error;
    }
  }

  async findByAccessTokenHash(hash: string, now: Date): Promise<AccessTokenOwner | null> {
    if (!isStorable(hash)) return null;
    const row = await this.client.oAuthAccessToken.findUnique({
      where: { hash, expiresAt: { gt: now } },
      select: {
        expiresAt: true,
        program: {
          select: {
            ...PROGRAM_FIELDS,
            membership: { select: { role: true, user: { omit: { passwordHash: true } } } },
          },
        },
      },
    });
    if (row === null) return null;
    const { membership, ...program } = row.program;
    return { program, ...membership, expiresAt: row.expiresAt };
  }

  async findAlive(
    ids: readonly string[],
    now: Date,
  ): Promise<{ id: string; clientId: string; role: Role }[]> {
    // One array parameter: a list of parameters would end at Postgres's 65,535.
    return this.client.$queryRaw<{ id: string; clientId: string; role: Role }[]>`
      SELECT g.id, g.client_id AS "clientId", m.role::text FROM oauth_grant g
      JOIN membership m ON m.team_id = g.team_id AND m.user_id = g.user_id
      WHERE g.id = ANY(${ids.filter(isUuid)}::uuid[]) AND g.expires_at > ${now}`;
  }

  async list(userId: string, page: PageRequest, now: Date): Promise<Page<ProgramInTeam>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(userId)) return emptyPage();
    const rows = await this.client.program.findMany({
      where: { userId, codeUsedAt: { not: null }, expiresAt: { gt: now }, ...where },
      select: { ...PROGRAM_FIELDS, membership: { select: { team: { select: { id: true, name: true } } } } },
      ...order,
    });
    return toPage(
      rows,
      page,
      (row) => row.createdAt,
      ({ membership: { team }, ...program }) => ({ ...program, team }),
    );
  }

  async revoke(userId: string, id: string): Promise<Program | null> {
    if (!isUuid(userId) || !isUuid(id)) return null;
    const program = await this.client.program.findUnique({ where: { userId, id }, select: PROGRAM_FIELDS });
    if (program === null) return null;
    const { count } = await this.client.program.deleteMany({ where: { userId, id } });
    return count === 0 ? null : program;
  }

  async revokeAll(userId: string): Promise<Program[]> {
    if (!isUuid(userId)) return [];
    return this.client.$transaction(async (tx) => {
      // Locked before they are read: a concurrent exchange of a code waits, and finds nothing.
      await tx.$queryRaw`SELECT 1 AS found FROM oauth_grant WHERE user_id = ${userId}::uuid ORDER BY id FOR UPDATE`;
      const programs = await tx.program.findMany({ where: { userId }, select: PROGRAM_FIELDS });
      await tx.program.deleteMany({ where: { id: { in: programs.map(({ id }) => id) } } });
      return programs;
    });
  }

  async removeExpired(now: Date): Promise<number> {
    const { count } = await this.client.program.deleteMany({ where: { expiresAt: { lte: now } } });
    await this.client.oAuthAccessToken.deleteMany({ where: { expiresAt: { lte: now } } });
    await this.client.oAuthRefreshToken.deleteMany({ where: { expiresAt: { lte: now } } });
    return count;
  }
}

/** Uses up the code of a program and stores its first tokens. Returns false, and changes nothing, if it was used before. */
export async function exchangeCodeIn(
  tx: TransactionClient,
  teamId: string,
  programId: string,
  tokens: IssuedTokens,
  at: Date,
): Promise<boolean> {
  // The condition is part of the update, so that only one of two concurrent exchanges gets the tokens.
  const { count } = await tx.program.updateMany({
    where: { teamId, id: programId, codeUsedAt: null },
    data: { codeUsedAt: at },
  });
  if (count === 0) return false;
  await storeTokens(tx, { teamId, programId, parentHash: null, tokens, at });
  return true;
}

/**
 * Replaces the first tokens of a program, which it seems not to have received. The replaced refresh token gets no time of
 * grace: a program that uses it did receive it, so that there is a copy. Returns false, and changes nothing, if a refresh
 * token of the program was used or the program has ended.
 */
export async function replaceFirstTokensIn(
  tx: TransactionClient,
  teamId: string,
  programId: string,
  tokens: IssuedTokens,
  at: Date,
): Promise<boolean> {
  // Refreshes of the program wait, as in `refreshIn`.
  const locked = await tx.$queryRaw<unknown[]>`
    SELECT 1 AS found FROM oauth_grant
    WHERE team_id = ${teamId}::uuid AND id = ${programId}::uuid FOR NO KEY UPDATE`;
  if (locked.length === 0) return false;
  const children = await tx.oAuthRefreshToken.count({
    where: { teamId, programId, parentHash: { not: null } },
  });
  if (children > 0) return false;
  await tx.oAuthAccessToken.deleteMany({ where: { teamId, programId } });
  await tx.oAuthRefreshToken.updateMany({
    where: { teamId, programId, supersededAt: null },
    data: {
      supersededAt: after(at, -SUPERSEDED_TOKEN_GRACE_MS),
      expiresAt: after(at, SUPERSEDED_TOKEN_MEMORY_MS),
    },
  });
  await storeTokens(tx, { teamId, programId, parentHash: null, tokens, at });
  return true;
}

async function refreshIn(
  tx: TransactionClient,
  teamId: string,
  refreshTokenHash: string,
  tokens: IssuedTokens,
  at: Date,
): Promise<boolean> {
  // Refreshes of one program wait for each other, so that one of two concurrent ones is the first.
  const [token] = await tx.$queryRaw<{ programId: string; supersededAt: Date | null }[]>`
    SELECT t.grant_id AS "programId", t.superseded_at AS "supersededAt" FROM oauth_grant g
    JOIN oauth_refresh_token t ON t.team_id = g.team_id AND t.grant_id = g.id
    WHERE t.team_id = ${teamId}::uuid AND t.hash = ${refreshTokenHash} FOR NO KEY UPDATE OF g`;
  if (token === undefined) return false;
  const { programId } = token;
  const isFirstUse = (await tx.oAuthRefreshToken.count({ where: { parentHash: refreshTokenHash } })) === 0;
  if (token.supersededAt === null && isFirstUse) {
    // The client that uses this token has received it. The token it was made from is no longer needed, and any other is a
    // copy.
    await tx.oAuthRefreshToken.updateMany({
      where: { teamId, programId, hash: { not: refreshTokenHash }, supersededAt: null },
      data: { supersededAt: at, expiresAt: after(at, SUPERSEDED_TOKEN_MEMORY_MS) },
    });
  }
  await storeTokens(tx, { teamId, programId, parentHash: refreshTokenHash, tokens, at });
  return true;
}

interface NewTokens {
  readonly teamId: string;
  readonly programId: string;
  readonly parentHash: string | null;
  readonly tokens: IssuedTokens;
  readonly at: Date;
}

async function storeTokens(tx: TransactionClient, issue: NewTokens): Promise<void> {
  const { teamId, programId, parentHash, tokens, at } = issue;
  const expiresAt = after(at, REFRESH_TOKEN_LIFETIME_MS);
  await tx.oAuthAccessToken.create({
    data: { hash: tokens.accessTokenHash, teamId, programId, expiresAt: after(at, ACCESS_TOKEN_LIFETIME_MS) },
  });
  await tx.oAuthRefreshToken.create({
    data: { hash: tokens.refreshTokenHash, teamId, programId, parentHash, expiresAt },
  });
  await tx.program.update({ where: { teamId, id: programId }, data: { lastUsedAt: at, expiresAt } });
}

function after(at: Date, ms: number): Date {
  return new Date(at.getTime() + ms);
}
