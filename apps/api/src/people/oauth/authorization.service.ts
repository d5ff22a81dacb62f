import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { generateOAuthSecret, hashOAuthSecret, type Store, type Team } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import type { Person } from '../../http/auth/caller.js';
import { ProgramsService } from '../programs/programs.service.js';
import type { AuthorizationRequest } from './authorization-request.js';

/** Lets programs act for people who agree to it. */
@Injectable()
export class AuthorizationService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly programs: ProgramsService,
  ) {}

  /** The teams that this person could let a program act in; the one they joined first comes first. */
  async teamsOf({ user }: Person): Promise<Team[]> {
    const memberships = await this.store.users.memberships(user.id);
    const teams = await Promise.all(memberships.map(({ teamId }) => this.store.teams.find(teamId)));
    return teams.filter((team) => team !== null);
  }

  /**
   * A code for the program, with which it may act for this person in this team.
   * @throws ProblemError when they are no member
   */
  async consent(person: Person, teamId: string, request: AuthorizationRequest): Promise<string> {
    const code = generateOAuthSecret('code');
    const program = await this.programs.create(person, teamId, {
      clientId: request.program.clientId,
      codeHash: hashOAuthSecret(code),
      codeChallenge: request.codeChallenge,
      redirectUri: request.redirectUri,
      at: new Date(),
    });
    if (program === null)
      throw new ProblemError('not_a_member', { detail: 'you are not a member of this team' });
    return code;
  }
}
