import { Controller, Get, Redirect } from '@nestjs/common';
import { Public } from '@culvert/nest';

/** Addresses that Telepresence opens in a browser. */
@Public()
@Controller('cloud')
export class OldLinksController {
  /** `telepresence dashboard`. */
  @Get('preview')
  @Redirect('/', 302)
  previews(): void {}
}
