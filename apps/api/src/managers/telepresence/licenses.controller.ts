import { Controller, Get } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { Public } from '@culvert/nest';

/**
 * Traffic managers accept licences signed by the maker of Telepresence alone, so there is none to hand out. Said to
 * everybody alike: the program that asks takes the text of a 401 for a licence.
 */
@Public()
@Controller('api/licenses')
export class LicensesController {
  @Get(':licenseId/formats/jwt')
  show(): never {
    throw new ProblemError('not_found', { detail: 'Culvert issues no licences, and needs none' });
  }
}
