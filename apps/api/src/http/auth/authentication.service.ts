import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  actorOfKey,
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
import type { RequestFacts } from '../request-facts.js';
import { UserSessionsService } from '../user-sessions/user-sessions.service.js';
import { authorityOf, type Caller, type Identified } from './caller.js';
import { hasApiKey, readApiKey } from './credential.js';

@Injectable()
export class AuthenticationService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly apiKeyUse: ApiKeyUse,
    private readonly userSessions: UserSessionsService,
  ) {}

  /**
   * Returns the caller with this secret at this address; null if it is not a valid key. The database compares hashes,
   * not secrets: its timing reveals only the SHA-256 of a guess, which does not lead to the secret.
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
      actor: actorOfKey(apiKey, address),
    };
  }

  /**
   * Returns the caller whose program presents this access token, in the one team that they allowed. Null if the token
   * is not valid for the API.
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

  /**
   * Returns the caller by the secret in a header: an API key, or the access token of a program. Null if it is neither,
   * or not valid.
   */
  authenticateSecret(secret: string, address: string | null): Promise<Caller | null> {
    return isAccessTokenShaped(secret)
      ? this.authenticateProgram(secret, address)
      : this.authenticate(secret, address);
  }

  /**
   * Returns the signed-in person, acting for the team in the header `Culvert-Team`, or else in the parameter `team`
   * (which only streams accept), or else the team they joined first. Null if the person is not signed in.
   * @throws ProblemError if they are not a member of that team
   */
  async authenticatePerson({ headers, address, team: wanted }: RequestFacts): Promise<Identified | null> {
    const found = await this.userSessions.identify(headers);
    if (found === null) return null;
    const { user, session: userSession } = found;
    const actor = { kind: 'user', id: user.id, address } as const;
    const memberships = await this.store.users.memberships(user.id);
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

  /** Reports whether a request has a credential, valid or not. */
  hasCredential({ headers }: Pick<RequestFacts, 'headers'>): boolean {
    return hasApiKey(headers) || this.userSessions.hasToken(headers);
  }

  /**
   * Returns who makes a request: the owner of its key or token, whatever cookies it has, or else the signed-in person.
   * @throws ProblemError if the request contradicts itself, or names a team of others
   */
  async identify(facts: RequestFacts): Promise<Identified | null> {
    if (!hasApiKey(facts.headers)) return this.authenticatePerson(facts);
    const secret = readApiKey(facts.headers);
    const caller = secret === null ? null : await this.authenticateSecret(secret, facts.address);
    return caller === null ? null : { caller, person: null };
  }

  /**
   * Returns who makes a request that was let in earlier; null if its credential is no longer valid, or not for the
   * team. For responses that outlast the result of the guard.
   */
  async identifyAgain(facts: RequestFacts): Promise<Caller | null> {
    try {
      return (await this.identify(facts))?.caller ?? null;
    } catch (error) {
      if (error instanceof ProblemError) return null;
      throw error;
    }
  }
}
