import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { PreviewsModule } from '../previews/previews.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysService } from './replays.service.js';

@Module({
  imports: [AuditEventsModule, PreviewsModule, RateLimitsModule],
  controllers: [ReplaysController],
  providers: [ReplaysService],
})
export class ReplaysModule {}
