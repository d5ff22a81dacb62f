import { Module } from '@nestjs/common';
import { AuditEventsModule } from '../../team/audit-events/audit-events.module.js';
import { PreviewsModule } from '../previews.module.js';
import { ExpiredExchanges } from './expired-exchanges.js';
import { KeptExchangesController } from './kept-exchanges.controller.js';
import { KeptExchangesService } from './kept-exchanges.service.js';

@Module({
  imports: [AuditEventsModule, PreviewsModule],
  controllers: [KeptExchangesController],
  providers: [KeptExchangesService, ExpiredExchanges],
  exports: [KeptExchangesService],
})
export class KeptExchangesModule {}
