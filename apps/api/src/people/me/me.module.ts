import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { UserSessionsModule } from '../../http/user-sessions/user-sessions.module.js';
import { MeController } from './me.controller.js';
import { MeService } from './me.service.js';

@Module({
  imports: [AuditEventsModule, UserSessionsModule],
  controllers: [MeController],
  providers: [MeService],
  exports: [MeService],
})
export class MeModule {}
