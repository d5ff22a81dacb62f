import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { pageQuery, resourceId, type PageQuery } from '@culvert/contract';
import { CurrentIdentity, CurrentPerson, type Identified, type Person } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { MeService } from './me.service.js';

@Controller('api/v1/me')
export class MeController {
  constructor(private readonly me: MeService) {}

  @Get()
  @RequireScope('any')
  show(@CurrentIdentity() identified: Identified) {
    return this.me.show(identified);
  }

  @Get('sign-in-methods')
  @RequireScope('user')
  signInMethods(@CurrentPerson() person: Person) {
    return this.me.signInMethods(person);
  }

  @Get('sessions')
  @RequireScope('user')
  sessions(@CurrentPerson() person: Person, @Query({ schema: pageQuery }) query: PageQuery) {
    return this.me.sessions(person, query);
  }

  @Delete('sessions')
  @RequireScope('user')
  @HttpCode(204)
  endOtherSessions(@CurrentPerson() person: Person): Promise<void> {
    return this.me.endOtherSessions(person);
  }

  @Delete('sessions/:userSessionId')
  @RequireScope('user')
  @HttpCode(204)
  endSession(
    @CurrentPerson() person: Person,
    @Param('userSessionId', { schema: resourceId }) id: string,
  ): Promise<void> {
    return this.me.endSession(person, id);
  }
}
