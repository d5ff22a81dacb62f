import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { ProgramsController } from './programs.controller.js';
import { ProgramsService } from './programs.service.js';

@Module({
  imports: [AnnouncementsModule, AuditEventsModule],
  controllers: [ProgramsController],
  providers: [ProgramsService],
  exports: [ProgramsService],
})
export class ProgramsModule {}
