import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { pageQuery, resourceId, type PageQuery } from '@culvert/contract';
import { CurrentPerson, type Person } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { ProgramsService } from './programs.service.js';

@Controller('api/v1/me/programs')
export class ProgramsController {
  constructor(private readonly programs: ProgramsService) {}

  @Get()
  @RequireScope('user')
  list(@CurrentPerson() person: Person, @Query({ schema: pageQuery }) query: PageQuery) {
    return this.programs.list(person, query);
  }

  @Delete(':programId')
  @RequireScope('user')
  @HttpCode(204)
  end(
    @CurrentPerson() person: Person,
    @Param('programId', { schema: resourceId }) id: string,
  ): Promise<void> {
    return this.programs.end(person, id);
  }
}
