import { Module } from '@nestjs/common';
import { AuthModule } from '../../http/auth/auth.module.js';
import { PagesModule } from '../../http/pages/pages.module.js';
import { ProgramsModule } from '../programs/programs.module.js';
import { AuthorizationController } from './authorization.controller.js';
import { AuthorizationService } from './authorization.service.js';
import { ExpiredPrograms } from './expired-programs.js';
import { TokenController } from './token.controller.js';
import { TokenService } from './token.service.js';

/** The OAuth server (RFC 6749, 7009, 7636) with which `culvert` and Telepresence's client sign in. */
@Module({
  imports: [AuthModule, PagesModule, ProgramsModule],
  controllers: [AuthorizationController, TokenController],
  providers: [AuthorizationService, ExpiredPrograms, TokenService],
})
export class OAuthModule {}
