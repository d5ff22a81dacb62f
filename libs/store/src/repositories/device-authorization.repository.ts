import {
  CODE_LIFETIME_MS,
  DEVICE_CODE_LIFETIME_MS,
  DEVICE_POLL_INTERVAL_SECONDS,
  DEVICE_POLL_SLOWDOWN_SECONDS,
  DEVICE_POLL_TOLERANCE_MS,
  DEVICE_QUIET_INTERVALS,
  DEVICE_REISSUE_MS,
  MAX_DEVICE_POLL_INTERVAL_SECONDS,
  type DeviceAuthorization,
  type DeviceAuthorizationDraft,
  type DeviceAuthorizationRepository,
  type DevicePoll,
  type IssuedTokens,
  type Program,
} from '@culvert/domain';
import { isForeignKeyViolation, isUniqueViolation, type Client, type TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { isStorable } from '../text.js';
import { exchangeCodeIn, PROGRAM_FIELDS, replaceFirstTokensIn } from './program.repository.js';

const PERSON_SEES = {
  clientId: true,
  deviceName: true,
  address: true,
  createdAt: true,
  expiresAt: true,
} as const;

interface PolledRow {
  readonly expiresAt: Date;
  readonly intervalSeconds: number;
  readonly lastPolledAt: Date | null;
  readonly decidedAt: Date | null;
}

export class PrismaDeviceAuthorizationRepository implements DeviceAuthorizationRepository {
  constructor(private readonly client: Client) {}

  async create(
    { at, ...draft }: DeviceAuthorizationDraft,
    { maxOpen }: { readonly maxOpen: number },
  ): Promise<'created' | 'code_taken' | 'too_many'> {
    const open = await this.client.deviceAuthorization.count({
      where: { decidedAt: null, expiresAt: { gt: at } },
    });
    if (open >= maxOpen && !(await this.removeQuiet(open - maxOpen + 1, at))) return 'too_many';
    try {
      await this.client.deviceAuthorization.create({
        data: {
          ...draft,
          createdAt: at,
          expiresAt: new Date(at.getTime() + DEVICE_CODE_LIFETIME_MS),
          intervalSeconds: DEVICE_POLL_INTERVAL_SECONDS,
        },
        select: { deviceCodeHash: true },
      });
      return 'created';
    } catch (error) {
      if (isUniqueViolation(error)) return 'code_taken';
      throw error;
    }
  }

  async findPending(userCodeHash: string, now: Date): Promise<DeviceAuthorization | null> {
    if (!isStorable(userCodeHash)) return null;
    return this.client.deviceAuthorization.findUnique({
      where: { userCodeHash, decidedAt: null, expiresAt: { gt: now } },
      select: PERSON_SEES,
    });
  }

  async approve(
    teamId: string,
    userId: string,
    userCodeHash: string,
    at: Date,
  ): Promise<Program | 'not_pending' | 'not_a_member'> {
    if (!isUuid(teamId) || !isUuid(userId)) return 'not_a_member';
    try {
      return await this.client.$transaction((tx) => approveIn(tx, { teamId, userId, userCodeHash, at }));
    } catch (error) {
      if (isForeignKeyViolation(error)) return 'not_a_member';
      throw error;
    }
  }

  async deny(userCodeHash: string, at: Date): Promise<boolean> {
    if (!isStorable(userCodeHash)) return false;
    return (await decide(this.client, userCodeHash, at)) === 1;
  }

  async poll(
    request: { readonly deviceCodeHash: string; readonly clientId: string },
    tokens: IssuedTokens,
    at: Date,
  ): Promise<DevicePoll | null> {
    if (!isStorable(request.deviceCodeHash) || !isStorable(request.clientId)) return null;
    return this.client.$transaction((tx) => pollIn(tx, { ...request, tokens, at }));
  }

  async removeExpired(now: Date): Promise<number> {
    const { count } = await this.client.deviceAuthorization.deleteMany({
      where: { expiresAt: { lte: now } },
    });
    return count;
  }

  /** Removes up to `count` waiting requests whose programs have stopped. Returns false if there are fewer. */
  private async removeQuiet(count: number, at: Date): Promise<boolean> {
    const removed = await this.client.$executeRaw`
      WITH quiet AS MATERIALIZED (
        SELECT device_code_hash FROM device_authorization
        WHERE decided_at IS NULL AND expires_at > ${at}
          AND coalesce(last_polled_at, created_at)
            < ${at}::timestamp - interval_seconds * ${DEVICE_QUIET_INTERVALS}::int * interval '1 second'
        ORDER BY coalesce(last_polled_at, created_at), device_code_hash LIMIT ${count}
        FOR UPDATE SKIP LOCKED
      )
      DELETE FROM device_authorization d USING quiet WHERE d.device_code_hash = quiet.device_code_hash`;
    return removed >= count;
  }
}

/** The conditions are part of the update, so that of concurrent decisions only one counts. */
async function decide(client: Client | TransactionClient, userCodeHash: string, at: Date): Promise<number> {
  const { count } = await client.deviceAuthorization.updateMany({
    where: { userCodeHash, decidedAt: null, expiresAt: { gt: at } },
    data: { decidedAt: at },
  });
  return count;
}

interface Approval {
  readonly teamId: string;
  readonly userId: string;
  readonly userCodeHash: string;
  readonly at: Date;
}

async function approveIn(
  tx: TransactionClient,
  { teamId, userId, userCodeHash, at }: Approval,
): Promise<Program | 'not_pending'> {
  if (!isStorable(userCodeHash) || (await decide(tx, userCodeHash, at)) === 0) return 'not_pending';
  const row = await tx.deviceAuthorization.findUniqueOrThrow({ where: { userCodeHash } });
  // A person who approves in the last second leaves the program the time to poll.
  const expiresAt = new Date(Math.max(row.expiresAt.getTime(), at.getTime() + CODE_LIFETIME_MS));
  await tx.deviceAuthorization.update({ where: { userCodeHash }, data: { expiresAt } });
  return tx.program.create({
    data: {
      id: newId(),
      teamId,
      userId,
      clientId: row.clientId,
      codeHash: row.deviceCodeHash,
      createdAt: at,
      codeExpiresAt: expiresAt,
      expiresAt,
    },
    select: PROGRAM_FIELDS,
  });
}

interface Poll {
  readonly deviceCodeHash: string;
  readonly clientId: string;
  readonly tokens: IssuedTokens;
  readonly at: Date;
}

async function pollIn(tx: TransactionClient, poll: Poll): Promise<DevicePoll | null> {
  const { deviceCodeHash, clientId, at } = poll;
  // Polls of one code, and the decision on it, wait for each other.
  const [row] = await tx.$queryRaw<PolledRow[]>`
    SELECT expires_at AS "expiresAt", interval_seconds AS "intervalSeconds", last_polled_at AS "lastPolledAt",
      decided_at AS "decidedAt"
    FROM device_authorization WHERE device_code_hash = ${deviceCodeHash} AND client_id = ${clientId} FOR UPDATE`;
  if (row === undefined) return pollWithoutRow(tx, poll);
  const { intervalSeconds, lastPolledAt } = row;
  const isEarly =
    lastPolledAt !== null &&
    at.getTime() - lastPolledAt.getTime() < intervalSeconds * 1000 - DEVICE_POLL_TOLERANCE_MS;
  const longer = Math.min(intervalSeconds + DEVICE_POLL_SLOWDOWN_SECONDS, MAX_DEVICE_POLL_INTERVAL_SECONDS);
  await tx.deviceAuthorization.update({
    where: { deviceCodeHash },
    data: { lastPolledAt: at, ...(isEarly && { intervalSeconds: longer }) },
    select: { deviceCodeHash: true },
  });
  if (isEarly) return { outcome: 'too_early' };
  if (row.decidedAt === null) return { outcome: row.expiresAt <= at ? 'expired' : 'pending' };
  return pollDecided(tx, poll);
}

/** The request has been cleaned up, but a copy of its code is still recognized while the program exists. */
async function pollWithoutRow(tx: TransactionClient, poll: Poll): Promise<DevicePoll | null> {
  const polled = await pollDecided(tx, poll);
  return 'program' in polled ? polled : null;
}

async function pollDecided(tx: TransactionClient, poll: Poll): Promise<DevicePoll> {
  const { deviceCodeHash: codeHash, clientId, tokens, at } = poll;
  const found = await tx.program.findUnique({
    where: { codeHash, clientId, codeChallenge: null },
    select: { ...PROGRAM_FIELDS, codeExpiresAt: true, codeUsedAt: true },
  });
  // Also if the person has left the team meanwhile, which removed the program.
  if (found === null) return { outcome: 'denied' };
  const { codeExpiresAt, codeUsedAt, ...program } = found;
  if (codeUsedAt !== null) {
    const isRetry = at.getTime() - codeUsedAt.getTime() < DEVICE_REISSUE_MS;
    const isReplaced = isRetry && (await replaceFirstTokensIn(tx, program.teamId, program.id, tokens, at));
    return { outcome: isReplaced ? 'reissued' : 'used', program };
  }
  if (codeExpiresAt <= at) return { outcome: 'expired' };
  const isFirst = await exchangeCodeIn(tx, program.teamId, program.id, tokens, at);
  return { outcome: isFirst ? 'issued' : 'used', program };
}
