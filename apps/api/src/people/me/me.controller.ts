import { Controller, Param, Query } from '@nestjs/common';
import type { PageQuery } from '@culvert/contract';
import { CurrentIdentity, CurrentPerson, type Identified, type Person } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { MeService } from './me.service.js';

@Controller()
export class MeController {
  constructor(private readonly me: MeService) {}

  @Operation('getMe')
  show(@CurrentIdentity() identified: Identified) {
    return this.me.show(identified);
  }

  @Operation('getSignInMethods')
  signInMethods(@CurrentPerson() person: Person) {
    return this.me.signInMethods(person);
  }

  @Operation('listUserSessions')
  sessions(@CurrentPerson() person: Person, @Query() query: PageQuery) {
    return this.me.sessions(person, query);
  }

  @Operation('endOtherUserSessions')
  endOtherSessions(@CurrentPerson() person: Person): Promise<void> {
    return this.me.endOtherSessions(person);
  }

  @Operation('endUserSession')
  endSession(@CurrentPerson() person: Person, @Param('userSessionId') id: string): Promise<void> {
    return this.me.endSession(person, id);
  }
}
