import { Controller, Param, Query } from '@nestjs/common';
import type { PageQuery } from '@culvert/contract';
import { CurrentPerson, type Person } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { ProgramsService } from './programs.service.js';

@Controller()
export class ProgramsController {
  constructor(private readonly programs: ProgramsService) {}

  @Operation('listPrograms')
  list(@CurrentPerson() person: Person, @Query() query: PageQuery) {
    return this.programs.list(person, query);
  }

  @Operation('endProgram')
  end(@CurrentPerson() person: Person, @Param('programId') id: string): Promise<void> {
    return this.programs.end(person, id);
  }
}
