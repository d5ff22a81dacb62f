import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { generateOAuthSecret, hashOAuthSecret, type Store, type Team } from '@culvert/domain';
import { STORE } from '@culvert/nest';
import type { Person } from '../../http/auth/caller.js';
import { ProgramsService } from '../programs/programs.service.js';
import type { AuthorizationRequest } from './authorization-request.js';

/** Lets people allow programs to act for them. */
@Injectable()
export class AuthorizationService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly programs: ProgramsService,
  ) {}

  /** Returns the teams in which this person can let a program act, in the order in which they joined. */
  async teamsOf({ user }: Person): Promise<Team[]> {
    const memberships = await this.store.users.memberships(user.id);
    const teams = await Promise.all(memberships.map(({ teamId }) => this.store.teams.find(teamId)));
    return teams.filter((team) => team !== null);
  }

  /**
   * Returns a code with which the program can act for this person in this team.
   * @throws ProblemError if they are not a member
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
