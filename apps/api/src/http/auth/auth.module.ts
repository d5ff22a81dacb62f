import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeyUse } from '@culvert/nest';
import { AddressRateGuard } from '../rate-limits/address-rate.guard.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { UserSessionsModule } from '../user-sessions/user-sessions.module.js';
import { AuthGuard } from './auth.guard.js';
import { AuthenticationService } from './authentication.service.js';
import { BodyGate } from './body-gate.middleware.js';
import { TeamRateGuard } from './team-rate.guard.js';
import { TeamRate } from './team-rate.js';

/** Guards every route of the application. */
@Module({
  imports: [RateLimitsModule, UserSessionsModule],
  providers: [
    AuthenticationService,
    BodyGate,
    ApiKeyUse,
    TeamRate,
    // In this order: an address is counted before anything is looked up, and a team once it is known.
    { provide: APP_GUARD, useClass: AddressRateGuard },
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: TeamRateGuard },
  ],
  exports: [AuthenticationService, TeamRate],
})
export class AuthModule {}
