import { Inject, Injectable } from '@nestjs/common';
import type { Store } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { requireKeyScope } from './minted-keys.service.js';
import { TelepresenceCallerService } from './telepresence-caller.service.js';
import type { RequestFacts } from '../../http/request-facts.js';

/**
 * What the Telepresence client shows about the signed-in person. Text only: it fails on any other type, including null.
 */
export interface UserInfo {
  readonly id: string;
  readonly name: string;
  readonly avatarUrl: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly accountAvatarUrl: string;
  readonly email: string;
}

@Injectable()
export class UserInfoService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly callers: TelepresenceCallerService,
  ) {}

  /**
   * The answer decides whether `telepresence login --apikey` accepts a key. A key that cannot create those that
   * Telepresence needs next is refused here, where a person sees it.
   */
  async show(facts: RequestFacts): Promise<UserInfo> {
    const caller = await this.callers.identify(facts);
    requireKeyScope(caller);
    const team = await this.store.teams.find(caller.teamId);
    const { user, apiKey } = caller;
    return {
      id: user?.id ?? apiKey?.id ?? '',
      name: user?.name || user?.email || apiKey?.name || '',
      avatarUrl: '',
      accountId: caller.teamId,
      accountName: team?.name ?? '',
      accountAvatarUrl: '',
      email: user?.email ?? '',
    };
  }
}
