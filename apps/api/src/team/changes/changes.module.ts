import { Module } from '@nestjs/common';
import { EventStreamModule } from '../../http/event-stream/event-stream.module.js';
import { ChangesController } from './changes.controller.js';
import { ChangeStreams } from './change-streams.js';

@Module({ imports: [EventStreamModule], controllers: [ChangesController], providers: [ChangeStreams] })
export class ChangesModule {}
