import type { Membership, Role, User, UserRepository } from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid } from '../ids.js';
import { isStorable } from '../text.js';

export class PrismaUserRepository implements UserRepository {
  constructor(private readonly client: Client) {}

  async findByEmail(email: string): Promise<(User & { readonly passwordHash: string | null }) | null> {
    if (!isStorable(email)) return null;
    return this.client.user.findUnique({ where: { email } });
  }

  async memberships(userId: string): Promise<Membership[]> {
    if (!isUuid(userId)) return [];
    return this.client.membership.findMany({
      where: { userId },
      orderBy: [{ createdAt: 'asc' }, { teamId: 'asc' }],
    });
  }

  async setRole(teamId: string, userId: string, role: Role): Promise<Membership | null> {
    if (!isUuid(teamId) || !isUuid(userId)) return null;
    const [changed] = await this.client.membership.updateManyAndReturn({
      where: { teamId, userId },
      data: { role },
    });
    return changed ?? null;
  }
}
