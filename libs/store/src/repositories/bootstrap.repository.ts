import type { ApiKey, BootstrapDraft, BootstrapRepository, Team, User } from '@culvert/domain';
import type { Client } from '../client.js';
import { newId } from '../ids.js';
import { insertApiKey } from './api-key.repository.js';
import { toTeam } from './team.repository.js';

// Any number unused by other advisory locks of this database; the migrations' lock has two keys.
const BOOTSTRAP_LOCK = 4_702_001;

export class PrismaBootstrapRepository implements BootstrapRepository {
  constructor(private readonly client: Client) {}

  async createFirst(draft: BootstrapDraft): Promise<{ team: Team; owner: User; apiKey: ApiKey } | null> {
    return this.client.$transaction(async (tx) => {
      // There is no row to lock before the first team exists.
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`;
      if ((await tx.team.findFirst({ select: { id: true } })) !== null) return null;
      const createdAt = new Date();
      const team = await tx.team.create({ data: { id: newId(), name: draft.teamName, createdAt } });
      const owner = await tx.user.create({
        data: { id: newId(), email: draft.email, name: '', passwordHash: draft.passwordHash, createdAt },
        omit: { passwordHash: true },
      });
      await tx.membership.create({ data: { teamId: team.id, userId: owner.id, role: 'owner', createdAt } });
      const apiKey = await insertApiKey(tx, team.id, draft.apiKey);
      return { team: toTeam(team), owner, apiKey };
    });
  }
}
