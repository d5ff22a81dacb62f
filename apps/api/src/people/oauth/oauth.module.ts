import { Module } from '@nestjs/common';
import { AuthModule } from '../../http/auth/auth.module.js';
import { PagesModule } from '../../http/pages/pages.module.js';
import { ProgramsModule } from '../programs/programs.module.js';
import { SignInModule } from '../sign-in/sign-in.module.js';
import { WorkloadIdentitiesModule } from '../workload-identities/workload-identities.module.js';
import { AuthorizationController } from './authorization.controller.js';
import { AuthorizationService } from './authorization.service.js';
import { DeviceAuthorizationController } from './device-authorization.controller.js';
import { DeviceAuthorizationService } from './device-authorization.service.js';
import { DevicePageController } from './device-page.controller.js';
import { ExpiredPrograms } from './expired-programs.js';
import { MetadataController } from './metadata.controller.js';
import { TokenController } from './token.controller.js';
import { TokenService } from './token.service.js';

/** The OAuth server (RFC 6749, 7009, 7636, 8414, 8628, 8693) with which `culvert` and Telepresence's client sign in. */
@Module({
  imports: [AuthModule, PagesModule, ProgramsModule, SignInModule, WorkloadIdentitiesModule],
  controllers: [
    AuthorizationController,
    DeviceAuthorizationController,
    DevicePageController,
    MetadataController,
    TokenController,
  ],
  providers: [AuthorizationService, DeviceAuthorizationService, ExpiredPrograms, TokenService],
})
export class OAuthModule {}
