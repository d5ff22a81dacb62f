import { Module } from '@nestjs/common';
import { ClusterEventsModule } from '../cluster-events/cluster-events.module.js';
import { SessionCookie } from './session-cookie.js';
import { UserSessionsService } from './user-sessions.service.js';

@Module({
  imports: [ClusterEventsModule],
  providers: [SessionCookie, UserSessionsService],
  exports: [SessionCookie, UserSessionsService],
})
export class UserSessionsModule {}
