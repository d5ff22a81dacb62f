import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { KeptExchangesModule } from '../kept-exchanges/kept-exchanges.module.js';
import { PreviewsModule } from '../previews.module.js';
import { RateLimitsModule } from '../../http/rate-limits/rate-limits.module.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysService } from './replays.service.js';

@Module({
  imports: [AuditEventsModule, KeptExchangesModule, PreviewsModule, RateLimitsModule],
  controllers: [ReplaysController],
  providers: [ReplaysService],
})
export class ReplaysModule {}
