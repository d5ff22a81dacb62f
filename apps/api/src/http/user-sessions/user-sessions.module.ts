import { Module } from '@nestjs/common';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { SessionCookie } from './session-cookie.js';
import { UserSessionsService } from './user-sessions.service.js';

@Module({
  imports: [AnnouncementsModule],
  providers: [SessionCookie, UserSessionsService],
  exports: [SessionCookie, UserSessionsService],
})
export class UserSessionsModule {}
