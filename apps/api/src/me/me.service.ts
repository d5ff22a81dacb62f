import { Inject, Injectable } from '@nestjs/common';
import type { MeResource } from '@culvert/contract';
import type { Store } from '@culvert/domain';
import { STORE } from '@culvert/platform';
import type { Caller } from '../auth/caller.js';

@Injectable()
export class MeService {
  constructor(@Inject(STORE) private readonly store: Store) {}

  async show({ teamId, apiKey }: Caller): Promise<MeResource> {
    const team = await this.store.teams.find(teamId);
    if (team === null) throw new Error(`key ${apiKey.id} belongs to team ${teamId}, which does not exist`);
    const { id, name, hint, scopes, expiresAt } = apiKey;
    return {
      team: { id: team.id, name: team.name },
      apiKey: { id, name, hint, scopes: [...scopes], expiresAt: expiresAt?.toISOString() ?? null },
    };
  }
}
