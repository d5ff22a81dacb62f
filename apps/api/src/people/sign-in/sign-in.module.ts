import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../../team/api-keys/api-keys.module.js';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { MailModule } from '../mail/mail.module.js';
import { OutgoingModule } from '../../outgoing/outgoing.module.js';
import { PagesModule } from '../../http/pages/pages.module.js';
import { ProgramsModule } from '../programs/programs.module.js';
import { RateLimitsModule } from '../../http/rate-limits/rate-limits.module.js';
import { UserSessionsModule } from '../../http/user-sessions/user-sessions.module.js';
import { AttemptCookie } from './attempt-cookie.js';
import { PasswordChangeService } from './password-change.service.js';
import { Providers } from './providers.js';
import { SignInPagesController } from './sign-in-pages.controller.js';
import { SignInController } from './sign-in.controller.js';
import { SignInService } from './sign-in.service.js';
import { Throttle } from './throttle.js';

@Module({
  imports: [
    AnnouncementsModule,
    ApiKeysModule,
    AuditEventsModule,
    MailModule,
    OutgoingModule,
    PagesModule,
    ProgramsModule,
    RateLimitsModule,
    UserSessionsModule,
  ],
  controllers: [SignInController, SignInPagesController],
  providers: [AttemptCookie, PasswordChangeService, Providers, SignInService, Throttle],
  exports: [PasswordChangeService, Providers, SignInService, Throttle],
})
export class SignInModule {}
