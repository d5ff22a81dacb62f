import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { LiveStreams } from './live-streams.js';

@Module({ imports: [AuthModule], providers: [LiveStreams], exports: [LiveStreams] })
export class EventStreamModule {}
