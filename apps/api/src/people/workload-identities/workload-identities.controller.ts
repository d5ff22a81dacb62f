import { Body, Controller, Param, Query } from '@nestjs/common';
import type {
  CreateWorkloadIdentityRequest,
  PageQuery,
  TestWorkloadIdentityRequest,
  UpdateWorkloadIdentityRequest,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { WorkloadIdentitiesService } from './workload-identities.service.js';

@Controller()
export class WorkloadIdentitiesController {
  constructor(private readonly identities: WorkloadIdentitiesService) {}

  @Operation('createWorkloadIdentity')
  create(@CurrentCaller() caller: Caller, @Body() body: CreateWorkloadIdentityRequest) {
    return this.identities.create(caller, body);
  }

  @Operation('listWorkloadIdentities')
  list(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    return this.identities.list(caller, query);
  }

  @Operation('getWorkloadIdentity')
  show(@CurrentCaller() caller: Caller, @Param('workloadIdentityId') id: string) {
    return this.identities.show(caller, id);
  }

  @Operation('updateWorkloadIdentity')
  update(
    @CurrentCaller() caller: Caller,
    @Param('workloadIdentityId') id: string,
    @Body() body: UpdateWorkloadIdentityRequest,
  ) {
    return this.identities.update(caller, id, body);
  }

  @Operation('deleteWorkloadIdentity')
  remove(@CurrentCaller() caller: Caller, @Param('workloadIdentityId') id: string) {
    return this.identities.remove(caller, id);
  }

  @Operation('testWorkloadIdentity')
  test(
    @CurrentCaller() caller: Caller,
    @Param('workloadIdentityId') id: string,
    @Body() body: TestWorkloadIdentityRequest,
  ) {
    return this.identities.test(caller, id, body);
  }
}
