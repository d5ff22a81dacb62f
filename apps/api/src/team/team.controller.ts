import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  acceptInvitationRequest,
  createInvitationRequest,
  createTeamRequest,
  pageQuery,
  resourceId,
  updateMemberRequest,
  updateTeamRequest,
  type AcceptInvitationRequest,
  type CreateInvitationRequest,
  type CreateTeamRequest,
  type PageQuery,
  type UpdateMemberRequest,
  type UpdateTeamRequest,
} from '@culvert/contract';
import { CurrentCaller, CurrentPerson, type Caller, type Person } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { InvitationsService } from './invitations.service.js';
import { MemberCredentialsService } from './member-credentials.service.js';
import { TeamService } from './team.service.js';

@Controller('api/v1/team')
export class TeamController {
  constructor(
    private readonly team: TeamService,
    private readonly invitations: InvitationsService,
    private readonly memberCredentials: MemberCredentialsService,
  ) {}

  @Get()
  @RequireScope('team:read')
  show(@CurrentCaller() caller: Caller) {
    return this.team.show(caller);
  }

  @Patch()
  @RequireScope('team:write')
  update(@CurrentCaller() caller: Caller, @Body({ schema: updateTeamRequest }) body: UpdateTeamRequest) {
    return this.team.update(caller, body);
  }

  @Get('members')
  @RequireScope('team:read')
  members(@CurrentCaller() caller: Caller) {
    return this.team.members(caller);
  }

  @Patch('members/:userId')
  @RequireScope('team:write')
  updateMember(
    @CurrentCaller() caller: Caller,
    @Param('userId', { schema: resourceId }) userId: string,
    @Body({ schema: updateMemberRequest }) body: UpdateMemberRequest,
  ) {
    return this.team.updateMember(caller, userId, body);
  }

  @Delete('members/:userId')
  @HttpCode(204)
  @RequireScope('team:write')
  removeMember(@CurrentCaller() caller: Caller, @Param('userId', { schema: resourceId }) userId: string) {
    return this.team.removeMember(caller, userId);
  }

  @Get('members/:userId/credentials')
  @RequireScope('team:write')
  listCredentials(@CurrentCaller() caller: Caller, @Param('userId', { schema: resourceId }) userId: string) {
    return this.memberCredentials.list(caller, userId);
  }

  @Delete('members/:userId/credentials')
  @HttpCode(204)
  @RequireScope('team:write')
  endCredentials(@CurrentCaller() caller: Caller, @Param('userId', { schema: resourceId }) userId: string) {
    return this.memberCredentials.end(caller, userId);
  }

  @Post('invitations')
  @RequireScope('team:write')
  invite(
    @CurrentCaller() caller: Caller,
    @Body({ schema: createInvitationRequest }) body: CreateInvitationRequest,
  ) {
    return this.invitations.create(caller, body);
  }

  @Get('invitations')
  @RequireScope('team:read')
  listInvitations(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    return this.invitations.list(caller, query);
  }

  @Post('invitations/:invitationId/renew')
  @HttpCode(200)
  @RequireScope('team:write')
  renew(@CurrentCaller() caller: Caller, @Param('invitationId', { schema: resourceId }) id: string) {
    return this.invitations.renew(caller, id);
  }

  @Delete('invitations/:invitationId')
  @HttpCode(204)
  @RequireScope('team:write')
  revoke(@CurrentCaller() caller: Caller, @Param('invitationId', { schema: resourceId }) id: string) {
    return this.invitations.revoke(caller, id);
  }
}

/** What a person does about teams, one of which they need not be in. */
@Controller('api/v1/teams')
export class TeamsController {
  constructor(private readonly team: TeamService) {}

  @Post()
  @RequireScope('user')
  create(@CurrentPerson() person: Person, @Body({ schema: createTeamRequest }) body: CreateTeamRequest) {
    return this.team.create(person, body);
  }

  @Delete(':teamId/membership')
  @HttpCode(204)
  @RequireScope('user')
  leave(@CurrentPerson() person: Person, @Param('teamId', { schema: resourceId }) teamId: string) {
    return this.team.leave(person, teamId);
  }
}

@Controller('api/v1/invitations')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Post('accept')
  @HttpCode(200)
  @RequireScope('user')
  accept(
    @CurrentPerson() person: Person,
    @Body({ schema: acceptInvitationRequest }) body: AcceptInvitationRequest,
  ) {
    return this.invitations.accept(person, body);
  }
}
