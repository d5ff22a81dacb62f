import { Controller } from '@nestjs/common';
import type { ServerResource } from '@culvert/contract';
import { Operation } from '../operation.js';
import { VERSION } from './version.js';

/** Information about this deployment. Only for callers that are known: a version helps attackers. */
@Controller()
export class ServerController {
  @Operation('getServer')
  show(): ServerResource {
    return { version: VERSION };
  }
}
