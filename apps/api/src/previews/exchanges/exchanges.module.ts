import { Module } from '@nestjs/common';
import { AnnouncementsModule } from '../../announcements/announcements.module.js';
import { EventStreamModule } from '../../http/event-stream/event-stream.module.js';
import { PreviewsModule } from '../previews.module.js';
import { ExchangesController } from './exchanges.controller.js';
import { ExchangeStreams } from './exchange-streams.js';

@Module({
  imports: [AnnouncementsModule, EventStreamModule, PreviewsModule],
  controllers: [ExchangesController],
  providers: [ExchangeStreams],
})
export class ExchangesModule {}
