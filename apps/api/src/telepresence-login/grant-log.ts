import { Injectable } from '@nestjs/common';
import type { Actor, OAuthGrant } from '@culvert/domain';
import { AuditLog } from '../audit-events/audit-log.js';
import { programName } from './programs.js';

/** What the audit log says of people who let programs act for them. */
@Injectable()
export class GrantLog {
  constructor(private readonly audit: AuditLog) {}

  async created(grant: OAuthGrant, actor: Actor): Promise<void> {
    const after = { program: programName(grant.clientId), userId: grant.userId };
    await this.audit.record({ teamId: grant.teamId, actor }, 'program-grant.create', grant.id, { after });
  }

  async revoked(grant: OAuthGrant, actor: Actor, reason: string): Promise<void> {
    const before = { program: programName(grant.clientId), userId: grant.userId };
    const change = { before, after: { reason } };
    await this.audit.record({ teamId: grant.teamId, actor }, 'program-grant.revoke', grant.id, change);
  }
}
