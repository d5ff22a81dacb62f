import { Module } from '@nestjs/common';
import { RateLimiters } from './rate-limiters.js';

@Module({ providers: [RateLimiters], exports: [RateLimiters] })
export class RateLimitsModule {}
