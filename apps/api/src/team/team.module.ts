import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../announcements/announcements.module.js';
import { MailModule } from '../mail/mail.module.js';
import { PagesModule } from '../pages/pages.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { UserSessionsModule } from '../user-sessions/user-sessions.module.js';
import { InvitationPagesController } from './invitation-pages.controller.js';
import { InvitationRate } from './invitation-rate.js';
import { InvitationsService } from './invitations.service.js';
import { InvitationsController, TeamController, TeamsController } from './team.controller.js';
import { MemberCredentialsService } from './member-credentials.service.js';
import { TeamService } from './team.service.js';

@Module({
  imports: [
    AnnouncementsModule,
    AuditEventsModule,
    MailModule,
    PagesModule,
    RateLimitsModule,
    SignInModule,
    UserSessionsModule,
  ],
  controllers: [TeamController, TeamsController, InvitationsController, InvitationPagesController],
  providers: [TeamService, InvitationRate, InvitationsService, MemberCredentialsService],
})
export class TeamModule {}
