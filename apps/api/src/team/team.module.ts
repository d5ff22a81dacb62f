import { Module } from '@nestjs/common';
import { AnnouncementsModule } from '../announcements/announcements.module.js';
import { AuditEventsModule } from './audit-events/audit-events.module.js';
import { MemberCredentialsService } from './member-credentials.service.js';
import { OldRecords } from './old-records.js';
import { TeamController, TeamsController } from './team.controller.js';
import { TeamService } from './team.service.js';

@Module({
  imports: [AnnouncementsModule, AuditEventsModule],
  controllers: [TeamController, TeamsController],
  providers: [TeamService, MemberCredentialsService, OldRecords],
})
export class TeamModule {}
