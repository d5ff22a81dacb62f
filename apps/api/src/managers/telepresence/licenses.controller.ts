import { Controller, Get } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { Public } from '@culvert/nest';

/**
 * Traffic managers accept only licenses signed by the maker of Telepresence, so Culvert has none to issue. The answer
 * is the same for all callers: the program that asks takes the text of a 401 for a license.
 */
@Public()
@Controller('api/licenses')
export class LicensesController {
  @Get(':licenseId/formats/jwt')
  show(): never {
    throw new ProblemError('not_found', { detail: 'Culvert issues no licenses, and needs none' });
  }
}
