import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  hashApiKeySecret,
  hashOAuthSecret,
  isAccessTokenShaped,
  isApiKeyUsable,
  isApiProgram,
  isPossibleApiKeySecret,
  scopesOfProgram,
  scopesOfRole,
  type Store,
} from '@culvert/domain';
import { ApiKeyUse, STORE } from '@culvert/nest';
import type { Request } from 'express';
import { clientAddress } from '../client-address.js';
import { UserSessionsService } from '../user-sessions/user-sessions.service.js';
import { authorityOf, type Caller, type Identified } from './caller.js';
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
      expiresAt: apiKey.expiresAt,
      authority: { kind: 'api-key', apiKeyId: apiKey.id },
      actor: { kind: 'api-key', id: apiKey.id, address },
    };
  }

  /**
   * Who a program acts for that presents this access token: in the team that they let it act in, and no other. Null
   * when it is none that is good for the API.
   */
  async authenticateProgram(token: string, address: string | null): Promise<Caller | null> {
    const owner = await this.store.programs.findByAccessTokenHash(hashOAuthSecret(token), new Date());
    if (owner === null || !isApiProgram(owner.program.clientId)) return null;
    const { program, user, role, expiresAt } = owner;
    return {
      teamId: program.teamId,
      role,
      scopes: scopesOfProgram(program.clientId, role),
      apiKey: null,
      user,
      userSession: null,
      expiresAt,
      authority: { kind: 'program', userId: user.id, programId: program.id },
      actor: { kind: 'user', id: user.id, address },
    };
  }

  /** Who presents what a header holds: an API key, or the access token of a program. Null when it is neither, or no good. */
  authenticateSecret(secret: string, address: string | null): Promise<Caller | null> {
    return isAccessTokenShaped(secret)
      ? this.authenticateProgram(secret, address)
      : this.authenticate(secret, address);
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
    const scopes = scopesOfRole(role);
    const { expiresAt } = userSession;
    const authority = authorityOf(person);
    return { caller: { teamId, role, scopes, apiKey: null, expiresAt, authority, ...person }, person };
  }

  /** Whether a request shows a credential, good or not. */
  hasCredential(request: Request): boolean {
    return hasApiKey(request.headers) || this.userSessions.hasToken(request);
  }

  /**
   * Who makes a request: whoever owns its key or token, whatever cookies come along, or else who is signed in.
   * @throws ProblemError where the request contradicts itself, or names a team of others
   */
  async identify(request: Request): Promise<Identified | null> {
    if (!hasApiKey(request.headers)) return this.authenticatePerson(request);
    const secret = readApiKey(request.headers);
    const caller = secret === null ? null : await this.authenticateSecret(secret, clientAddress(request));
    return caller === null ? null : { caller, person: null };
  }

  /**
   * Who makes a request now that was let in earlier; null when nobody does any more, or for no team. For answers that
   * go on for longer than what the guard found out is true.
   */
  async identifyAgain(request: Request): Promise<Caller | null> {
    try {
      return (await this.identify(request))?.caller ?? null;
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
