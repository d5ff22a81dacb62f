import { Inject, Injectable } from '@nestjs/common';
import { MAX_MEMBER_CREDENTIALS, ProblemError, type MemberCredentialList } from '@culvert/contract';
import type { MemberCredential, Store } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuditLog } from './audit-events/audit-log.js';
import type { Caller } from '../http/auth/caller.js';
import { Announcer } from '../announcements/announcer.js';
import { throwRefusal } from './team-limits.js';

/** Working credentials that one person created in a team, whether or not they are still a member. */
@Injectable()
export class MemberCredentialsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  async list({ teamId }: Caller, userId: string): Promise<MemberCredentialList> {
    const found = await this.store.memberCredentials.list(
      teamId,
      userId,
      new Date(),
      MAX_MEMBER_CREDENTIALS + 1,
    );
    if (found.length === 0) await this.requireMember(teamId, userId);
    return {
      items: found.slice(0, MAX_MEMBER_CREDENTIALS).map(toResource),
      isComplete: found.length <= MAX_MEMBER_CREDENTIALS,
    };
  }

  /** Idempotent. */
  async end(caller: Caller, userId: string): Promise<void> {
    const { teamId, authority } = caller;
    const { ended, revokedApiKeyIds } = await this.store.memberCredentials
      .end(teamId, userId, authority, new Date())
      .catch(throwRefusal);
    if (ended.length === 0) await this.requireMember(teamId, userId);
    // Announced before it is recorded: ended access must stop within a second.
    await this.announcer.announce(
      revokedApiKeyIds.map((apiKeyId) => ({ type: 'api-key.revoked' as const, apiKeyId })),
    );
    await this.announcer.previewsChanged([
      ...new Set(ended.flatMap(({ preview }) => (preview === null ? [] : [preview.hostname]))),
    ]);
    const after = { becauseOfMember: userId };
    for (const id of revokedApiKeyIds) {
      const key = await this.store.apiKeys.find(teamId, id);
      await this.audit.record(caller, 'api-key.revoke', { id, name: key?.name ?? null }, { after });
    }
    for (const one of ended.filter(({ kind }) => kind !== 'api-key'))
      await this.audit.record(caller, `${one.kind}.revoke`, one, { before: audited(one), after });
  }

  /** @throws ProblemError */
  private async requireMember(teamId: string, userId: string): Promise<void> {
    if ((await this.store.members.find(teamId, userId)) === null)
      throw new ProblemError('not_found', { detail: `member ${userId} does not exist` });
  }
}

function audited({ kind, name, preview }: MemberCredential) {
  return kind === 'invitation'
    ? { email: name }
    : { name, previewId: preview?.id, hostname: preview?.hostname };
}

function toResource({ createdAt, expiresAt, ...credential }: MemberCredential) {
  return {
    ...credential,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
