import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  createTrafficManagerRequest,
  resourceId,
  pageQuery,
  updateTrafficManagerRequest,
  type CreateTrafficManagerRequest,
  type PageQuery,
  type UpdateTrafficManagerRequest,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { TrafficManagersService } from './traffic-managers.service.js';

@Controller('api/v1/traffic-managers')
export class TrafficManagersController {
  constructor(private readonly trafficManagers: TrafficManagersService) {}

  @Post()
  @RequireScope('sessions:write')
  create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: createTrafficManagerRequest }) body: CreateTrafficManagerRequest,
  ) {
    return this.trafficManagers.create(caller, body);
  }

  @Get()
  @RequireScope('sessions:read')
  list(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    return this.trafficManagers.list(caller, query);
  }

  @Get(':trafficManagerId')
  @RequireScope('sessions:read')
  show(@CurrentCaller() caller: Caller, @Param('trafficManagerId', { schema: resourceId }) id: string) {
    return this.trafficManagers.show(caller, id);
  }

  @Get(':trafficManagerId/connections')
  @RequireScope('sessions:read')
  listConnections(
    @CurrentCaller() caller: Caller,
    @Param('trafficManagerId', { schema: resourceId }) id: string,
    @Query({ schema: pageQuery }) query: PageQuery,
  ) {
    return this.trafficManagers.listConnections(caller, id, query);
  }

  @Patch(':trafficManagerId')
  @RequireScope('sessions:write')
  update(
    @CurrentCaller() caller: Caller,
    @Param('trafficManagerId', { schema: resourceId }) id: string,
    @Body({ schema: updateTrafficManagerRequest }) body: UpdateTrafficManagerRequest,
  ) {
    return this.trafficManagers.update(caller, id, body);
  }

  @Delete(':trafficManagerId')
  @HttpCode(204)
  @RequireScope('sessions:write')
  remove(@CurrentCaller() caller: Caller, @Param('trafficManagerId', { schema: resourceId }) id: string) {
    return this.trafficManagers.remove(caller, id);
  }
}
