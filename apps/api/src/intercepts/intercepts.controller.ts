import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  createInterceptRequest,
  interceptQuery,
  resourceId,
  updateInterceptRequest,
  type CreateInterceptRequest,
  type InterceptQuery,
  type UpdateInterceptRequest,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { InterceptsService } from './intercepts.service.js';

@Controller('api/v1/intercepts')
export class InterceptsController {
  constructor(private readonly intercepts: InterceptsService) {}

  @Post()
  @RequireScope('intercepts:write')
  create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: createInterceptRequest }) body: CreateInterceptRequest,
  ) {
    return this.intercepts.create(caller, body);
  }

  @Get()
  @RequireScope('intercepts:read')
  list(@CurrentCaller() caller: Caller, @Query({ schema: interceptQuery }) query: InterceptQuery) {
    return this.intercepts.list(caller, query);
  }

  @Get(':interceptId')
  @RequireScope('intercepts:read')
  show(@CurrentCaller() caller: Caller, @Param('interceptId', { schema: resourceId }) id: string) {
    return this.intercepts.show(caller, id);
  }

  @Patch(':interceptId')
  @RequireScope('intercepts:write')
  update(
    @CurrentCaller() caller: Caller,
    @Param('interceptId', { schema: resourceId }) id: string,
    @Body({ schema: updateInterceptRequest }) body: UpdateInterceptRequest,
  ) {
    return this.intercepts.update(caller, id, body);
  }

  @Delete(':interceptId')
  @HttpCode(204)
  @RequireScope('intercepts:write')
  remove(@CurrentCaller() caller: Caller, @Param('interceptId', { schema: resourceId }) id: string) {
    return this.intercepts.remove(caller, id);
  }
}
