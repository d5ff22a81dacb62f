import { Body, Controller, Param, Query } from '@nestjs/common';
import type { CreateTrafficManagerRequest, PageQuery, UpdateTrafficManagerRequest } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../http/auth/caller.js';
import { Operation } from '../http/operation.js';
import { TrafficManagersService } from './traffic-managers.service.js';

@Controller()
export class TrafficManagersController {
  constructor(private readonly trafficManagers: TrafficManagersService) {}

  @Operation('createTrafficManager')
  create(@CurrentCaller() caller: Caller, @Body() body: CreateTrafficManagerRequest) {
    return this.trafficManagers.create(caller, body);
  }

  @Operation('listTrafficManagers')
  list(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    return this.trafficManagers.list(caller, query);
  }

  @Operation('getTrafficManager')
  show(@CurrentCaller() caller: Caller, @Param('trafficManagerId') id: string) {
    return this.trafficManagers.show(caller, id);
  }

  @Operation('listConnectionEvents')
  listConnections(
    @CurrentCaller() caller: Caller,
    @Param('trafficManagerId') id: string,
    @Query() query: PageQuery,
  ) {
    return this.trafficManagers.listConnections(caller, id, query);
  }

  @Operation('updateTrafficManager')
  update(
    @CurrentCaller() caller: Caller,
    @Param('trafficManagerId') id: string,
    @Body() body: UpdateTrafficManagerRequest,
  ) {
    return this.trafficManagers.update(caller, id, body);
  }

  @Operation('deleteTrafficManager')
  remove(@CurrentCaller() caller: Caller, @Param('trafficManagerId') id: string) {
    return this.trafficManagers.remove(caller, id);
  }
}
