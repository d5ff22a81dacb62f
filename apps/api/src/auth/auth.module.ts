import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { UserSessionsModule } from '../user-sessions/user-sessions.module.js';
import { AuthGuard } from './auth.guard.js';
import { AuthenticationService } from './authentication.service.js';
import { TeamRateGuard } from './team-rate.guard.js';

/** Guards every route of the application. */
@Module({
  imports: [RateLimitsModule, UserSessionsModule],
  providers: [
    AuthenticationService,
    // In this order: who it is decides what is counted.
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: TeamRateGuard },
  ],
  exports: [AuthenticationService],
})
export class AuthModule {}
