import { Controller, Get } from '@nestjs/common';
import type { ServerResource } from '@culvert/contract';
import { RequireScope } from '../auth/require-scope.js';
import { VERSION } from '../version.js';

/** What this deployment is. Not for strangers: a version tells them what to try. */
@Controller('api/v1/server')
export class ServerController {
  @Get()
  @RequireScope('any')
  show(): ServerResource {
    return { version: VERSION };
  }
}
