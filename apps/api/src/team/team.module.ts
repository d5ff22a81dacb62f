import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { ClusterEventsModule } from '../cluster-events/cluster-events.module.js';
import { InvitationsService } from './invitations.service.js';
import { InvitationsController, TeamController, TeamsController } from './team.controller.js';
import { TeamService } from './team.service.js';

@Module({
  imports: [AuditEventsModule, ClusterEventsModule],
  controllers: [TeamController, TeamsController, InvitationsController],
  providers: [TeamService, InvitationsService],
})
export class TeamModule {}
