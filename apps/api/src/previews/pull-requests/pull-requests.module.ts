import { Module } from '@nestjs/common';
import { PullRequestComments } from './pull-request-comments.js';

@Module({ providers: [PullRequestComments], exports: [PullRequestComments] })
export class PullRequestsModule {}
