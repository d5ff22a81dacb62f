import { Body, Controller, Param } from '@nestjs/common';
import type { CreateTeamRequest, UpdateMemberRequest, UpdateTeamRequest } from '@culvert/contract';
import { CurrentCaller, CurrentPerson, type Caller, type Person } from '../http/auth/caller.js';
import { Operation } from '../http/operation.js';
import { MemberCredentialsService } from './member-credentials.service.js';
import { TeamService } from './team.service.js';

@Controller()
export class TeamController {
  constructor(
    private readonly team: TeamService,
    private readonly memberCredentials: MemberCredentialsService,
  ) {}

  @Operation('getTeam')
  show(@CurrentCaller() caller: Caller) {
    return this.team.show(caller);
  }

  @Operation('updateTeam')
  update(@CurrentCaller() caller: Caller, @Body() body: UpdateTeamRequest) {
    return this.team.update(caller, body);
  }

  @Operation('listMembers')
  members(@CurrentCaller() caller: Caller) {
    return this.team.members(caller);
  }

  @Operation('updateMember')
  updateMember(
    @CurrentCaller() caller: Caller,
    @Param('userId') userId: string,
    @Body() body: UpdateMemberRequest,
  ) {
    return this.team.updateMember(caller, userId, body);
  }

  @Operation('removeMember')
  removeMember(@CurrentCaller() caller: Caller, @Param('userId') userId: string) {
    return this.team.removeMember(caller, userId);
  }

  @Operation('listMemberCredentials')
  listCredentials(@CurrentCaller() caller: Caller, @Param('userId') userId: string) {
    return this.memberCredentials.list(caller, userId);
  }

  @Operation('endMemberCredentials')
  endCredentials(@CurrentCaller() caller: Caller, @Param('userId') userId: string) {
    return this.memberCredentials.end(caller, userId);
  }
}

/** Operations of a person on teams, including teams that they are not in. */
@Controller()
export class TeamsController {
  constructor(private readonly team: TeamService) {}

  @Operation('createTeam')
  create(@CurrentPerson() person: Person, @Body() body: CreateTeamRequest) {
    return this.team.create(person, body);
  }

  @Operation('leaveTeam')
  leave(@CurrentPerson() person: Person, @Param('teamId') teamId: string) {
    return this.team.leave(person, teamId);
  }
}
