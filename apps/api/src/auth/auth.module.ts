import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { UserSessionsModule } from '../user-sessions/user-sessions.module.js';
import { AuthGuard } from './auth.guard.js';
import { AuthenticationService } from './authentication.service.js';

/** Guards every route of the application. */
@Module({
  imports: [UserSessionsModule],
  providers: [AuthenticationService, { provide: APP_GUARD, useClass: AuthGuard }],
  exports: [AuthenticationService],
})
export class AuthModule {}
