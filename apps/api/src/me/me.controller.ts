import { Controller, Get } from '@nestjs/common';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { MeService } from './me.service.js';

@Controller('api/v1/me')
export class MeController {
  constructor(private readonly me: MeService) {}

  @Get()
  @RequireScope('any-key')
  show(@CurrentCaller() caller: Caller) {
    return this.me.show(caller);
  }
}
