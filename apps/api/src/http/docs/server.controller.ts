import { Controller, Inject } from '@nestjs/common';
import type { ServerResource } from '@culvert/contract';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import { Operation } from '../operation.js';
import { VERSION } from './version.js';

/** Information about this deployment. Only for callers that are known: a version helps attackers. */
@Controller()
export class ServerController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Operation('getServer')
  show(): ServerResource {
    const { clientVersion } = this.settings;
    return { version: VERSION, clientVersion: clientVersion === 'none' ? null : (clientVersion ?? VERSION) };
  }
}
