import { Inject, Injectable } from '@nestjs/common';
import { ProblemError, type PageQuery, type ProgramResource } from '@culvert/contract';
import type {
  Actor,
  DeviceAuthorization,
  Program,
  ProgramDraft,
  ProgramInTeam,
  Page,
  Store,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Person } from '../../http/auth/caller.js';
import { Announcer } from '../../announcements/announcer.js';
import { programName } from './known-programs.js';

const ENDED = 'program.end';

/** Programs that people allowed to act for them, from their consent until it ends. */
@Injectable()
export class ProgramsService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  /** Lets a program act for this person in this team. Null if they are not a member. */
  async create(
    { user, actor }: Person,
    teamId: string,
    draft: Omit<ProgramDraft, 'userId'>,
  ): Promise<Program | null> {
    const program = await this.store.programs.create(teamId, { ...draft, userId: user.id });
    if (program !== null)
      await this.audit.record({ teamId, actor }, 'program.create', targetOf(program), {
        after: audited(program),
      });
    return program;
  }

  /**
   * Lets the program on the machine that shows this code act for this person in this team.
   * @param request what the machine asked, for the audit log
   */
  async approveDevice(
    { user, actor }: Person,
    teamId: string,
    userCodeHash: string,
    request: Pick<DeviceAuthorization, 'deviceName' | 'address'>,
  ): Promise<Program | 'not_pending' | 'not_a_member'> {
    const { deviceAuthorizations } = this.store;
    const program = await deviceAuthorizations.approve(teamId, user.id, userCodeHash, new Date());
    if (typeof program === 'string') return program;
    await this.audit.record({ teamId, actor }, 'program.create', targetOf(program), {
      after: { ...audited(program), device: request.deviceName, deviceAddress: request.address },
    });
    return program;
  }

  /** Returns the programs that act for this person, in all their teams. People see only their own. */
  async list({ user }: Person, query: PageQuery): Promise<Page<ProgramResource>> {
    const page = await this.store.programs.list(user.id, query, new Date());
    return { ...page, items: page.items.map(toResource) };
  }

  /** Idempotent. @throws ProblemError if the person has no such program, and had none that was ended */
  async end({ user, actor }: Person, id: string): Promise<void> {
    const ended = await this.store.programs.revoke(user.id, id);
    if (ended !== null) {
      await this.announcer.userChanged(user.id);
      await this.audit.record({ teamId: ended.teamId, actor }, ENDED, targetOf(ended), {
        before: audited(ended),
      });
    } else if (!(await this.hasEnded(user.id, id))) {
      throw new ProblemError('not_found', { detail: `you have no program ${id}` });
    }
  }

  /** Ends a program when its person signs out in it. */
  async endByItself(program: Program, address: string | null): Promise<void> {
    await this.endProgram(program, { kind: 'user', id: program.userId, address });
  }

  /** Ends a program whose code or token seems to have leaked. */
  async endLeaked(program: Program, address: string | null, reason: string): Promise<void> {
    await this.endProgram(program, { kind: 'system', id: null, address }, { reason });
  }

  /** Notifies other processes that the first tokens of a program no longer work: they may remember them. */
  async firstTokensReplaced({ userId }: Program): Promise<void> {
    await this.announcer.userChanged(userId);
  }

  /** Ends every program of a person who sets a new password, in all of their teams. */
  async endAllOf(userId: string, actor: Actor): Promise<void> {
    for (const program of await this.store.programs.revokeAll(userId)) {
      await this.audit.record({ teamId: program.teamId, actor }, ENDED, targetOf(program), {
        before: audited(program),
      });
    }
    await this.announcer.userChanged(userId);
  }

  private async endProgram(
    { userId, id }: Program,
    actor: Actor,
    after?: { readonly reason: string },
  ): Promise<void> {
    const ended = await this.store.programs.revoke(userId, id);
    if (ended === null) return;
    await this.announcer.userChanged(userId);
    const change = { before: audited(ended), ...(after && { after }) };
    await this.audit.record({ teamId: ended.teamId, actor }, ENDED, targetOf(ended), change);
  }

  /** Reports whether the person had this program. An ended one remains only in the audit log of its team. */
  private async hasEnded(userId: string, id: string): Promise<boolean> {
    const memberships = await this.store.users.memberships(userId);
    const filter = { action: ENDED, targetId: id };
    const pages = await Promise.all(
      memberships.map(({ teamId }) => this.store.auditEvents.list(teamId, { limit: 1 }, filter)),
    );
    return pages.some(({ items }) => items[0]?.before?.['userId'] === userId);
  }
}

function targetOf({ id, clientId }: Program) {
  return { id, name: programName(clientId) };
}

function audited({ clientId, userId }: Program) {
  return { program: programName(clientId), userId };
}

function toResource(program: ProgramInTeam): ProgramResource {
  const { id, clientId, team, createdAt, lastUsedAt, expiresAt } = program;
  return {
    id,
    clientId,
    name: programName(clientId),
    team,
    createdAt: createdAt.toISOString(),
    lastUsedAt: (lastUsedAt ?? createdAt).toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}
