import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  hashApiKeySecret,
  isApiKeyUsable,
  isPossibleApiKeySecret,
  scopesOfRole,
  type Store,
} from '@culvert/domain';
import { ApiKeyUse, STORE } from '@culvert/platform';
import type { Request } from 'express';
import { clientAddress } from '../http/client-address.js';
import { UserSessionsService } from '../user-sessions/user-sessions.service.js';
import type { Caller, Identified } from './caller.js';
import { hasApiKey, readApiKey } from './credential.js';

/** By which people who are in several teams say for which they act; where browsers send no header, by the query. */
const TEAM_HEADER = 'Culvert-Team';
const TEAM_PARAMETER = 'team';

@Injectable()
export class AuthenticationService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly apiKeyUse: ApiKeyUse,
    private readonly userSessions: UserSessionsService,
  ) {}

  /**
   * Who presents this secret from this address; null when it is no usable key. The database compares hashes, not
   * secrets: its timing tells about SHA-256 of a guess, which leads nowhere near the secret.
   */
  async authenticate(secret: string, address: string | null): Promise<Caller | null> {
    if (!isPossibleApiKeySecret(secret)) return null;
    const apiKey = await this.store.apiKeys.findByHash(hashApiKeySecret(secret));
    const now = new Date();
    if (apiKey === null || !isApiKeyUsable(apiKey, now)) return null;
    this.apiKeyUse.record(apiKey, address, now);
    return {
      teamId: apiKey.teamId,
      role: null,
      scopes: apiKey.scopes,
      apiKey,
      user: null,
      userSession: null,
      actor: { kind: 'api-key', id: apiKey.id, address },
    };
  }

  /**
   * Who is signed in, acting for the team that the header `Culvert-Team` names, or else the parameter `team` (which
   * only streams take), or else the one they joined first. Null when nobody is.
   * @throws ProblemError when they are no member of the team they name
   */
  async authenticatePerson(request: Request): Promise<Identified | null> {
    const found = await this.userSessions.identify(request);
    if (found === null) return null;
    const { user, session: userSession } = found;
    const actor = { kind: 'user', id: user.id, address: clientAddress(request) } as const;
    const memberships = await this.store.users.memberships(user.id);
    const wanted = request.get(TEAM_HEADER) ?? teamInQuery(request);
    const membership = wanted === undefined ? memberships[0] : memberships.find((m) => m.teamId === wanted);
    if (wanted !== undefined && membership === undefined) throw new ProblemError('not_a_member');
    const person = { user, userSession, actor };
    if (membership === undefined) return { caller: null, person };
    const { teamId, role } = membership;
    return { caller: { teamId, role, scopes: scopesOfRole(role), apiKey: null, ...person }, person };
  }

  /**
   * Who makes a request now that was let in earlier; null when nobody does any more, or for no team. For answers that
   * go on for longer than what the guard found out is true.
   */
  async identifyAgain(request: Request): Promise<Caller | null> {
    if (hasApiKey(request.headers)) {
      const secret = readApiKey(request.headers);
      return secret === null ? null : this.authenticate(secret, clientAddress(request));
    }
    try {
      return (await this.authenticatePerson(request))?.caller ?? null;
    } catch (error) {
      if (error instanceof ProblemError) return null;
      throw error;
    }
  }
}

function teamInQuery({ query }: Request): string | undefined {
  const team = query[TEAM_PARAMETER];
  return typeof team === 'string' ? team : undefined;
}
