import { Body, Controller, Param, Query } from '@nestjs/common';
import type { AcceptInvitationRequest, CreateInvitationRequest, PageQuery } from '@culvert/contract';
import { CurrentCaller, CurrentPerson, type Caller, type Person } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { InvitationsService } from './invitations.service.js';

/** Invitations: for owners, and for the person who accepts one. */
@Controller()
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Operation('createInvitation')
  invite(@CurrentCaller() caller: Caller, @Body() body: CreateInvitationRequest) {
    return this.invitations.create(caller, body);
  }

  @Operation('listInvitations')
  listInvitations(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    return this.invitations.list(caller, query);
  }

  @Operation('renewInvitation')
  renew(@CurrentCaller() caller: Caller, @Param('invitationId') id: string) {
    return this.invitations.renew(caller, id);
  }

  @Operation('revokeInvitation')
  revoke(@CurrentCaller() caller: Caller, @Param('invitationId') id: string) {
    return this.invitations.revoke(caller, id);
  }

  @Operation('acceptInvitation')
  accept(@CurrentPerson() person: Person, @Body() body: AcceptInvitationRequest) {
    return this.invitations.accept(person, body);
  }
}
