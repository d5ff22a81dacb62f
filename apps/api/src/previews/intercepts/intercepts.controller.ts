import { Body, Controller, Param, Query } from '@nestjs/common';
import type { CreateInterceptRequest, InterceptQuery, UpdateInterceptRequest } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { InterceptsService } from './intercepts.service.js';

@Controller()
export class InterceptsController {
  constructor(private readonly intercepts: InterceptsService) {}

  @Operation('createIntercept')
  create(@CurrentCaller() caller: Caller, @Body() body: CreateInterceptRequest) {
    return this.intercepts.create(caller, body);
  }

  @Operation('listIntercepts')
  list(@CurrentCaller() caller: Caller, @Query() query: InterceptQuery) {
    return this.intercepts.list(caller, query);
  }

  @Operation('getIntercept')
  show(@CurrentCaller() caller: Caller, @Param('interceptId') id: string) {
    return this.intercepts.show(caller, id);
  }

  @Operation('updateIntercept')
  update(
    @CurrentCaller() caller: Caller,
    @Param('interceptId') id: string,
    @Body() body: UpdateInterceptRequest,
  ) {
    return this.intercepts.update(caller, id, body);
  }

  @Operation('deleteIntercept')
  remove(@CurrentCaller() caller: Caller, @Param('interceptId') id: string) {
    return this.intercepts.remove(caller, id);
  }
}
