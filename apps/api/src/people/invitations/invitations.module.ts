import { Module } from '@nestjs/common';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { PagesModule } from '../../http/pages/pages.module.js';
import { RateLimitsModule } from '../../http/rate-limits/rate-limits.module.js';
import { UserSessionsModule } from '../../http/user-sessions/user-sessions.module.js';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { MailModule } from '../mail/mail.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { InvitationPagesController } from './invitation-pages.controller.js';
import { InvitationRate } from './invitation-rate.js';
import { InvitationsController } from './invitations.controller.js';
import { InvitationsService } from './invitations.service.js';

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
  controllers: [InvitationsController, InvitationPagesController],
  providers: [InvitationRate, InvitationsService],
})
export class InvitationsModule {}
