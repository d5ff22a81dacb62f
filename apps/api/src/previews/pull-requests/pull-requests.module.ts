import { Module } from '@nestjs/common';
import { OutgoingModule } from '../../outgoing/outgoing.module.js';
import { PullRequestComments } from './pull-request-comments.js';

@Module({ imports: [OutgoingModule], providers: [PullRequestComments], exports: [PullRequestComments] })
export class PullRequestsModule {}
