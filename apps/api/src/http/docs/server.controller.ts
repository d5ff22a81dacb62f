import { Controller } from '@nestjs/common';
import type { ServerResource } from '@culvert/contract';
import { Operation } from '../operation.js';
import { VERSION } from './version.js';

/** What this deployment is. Not for strangers: a version tells them what to try. */
@Controller()
export class ServerController {
  @Operation('getServer')
  show(): ServerResource {
    return { version: VERSION };
  }
}
