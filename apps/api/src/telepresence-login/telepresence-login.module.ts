import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditEventsModule } from '../audit-events/audit-events.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { PagesModule } from '../pages/pages.module.js';
import { ProgramsModule } from '../programs/programs.module.js';
import { AuthorizationController } from './authorization.controller.js';
import { AuthorizationService } from './authorization.service.js';
import { DownloadsController } from './downloads.controller.js';
import { ExpiredGrants } from './expired-grants.js';
import { LicensesController } from './licenses.controller.js';
import { MintedKeysController } from './minted-keys.controller.js';
import { MintedKeysService } from './minted-keys.service.js';
import { OldLinksController } from './old-links.controller.js';
import { TelepresenceCallerService } from './telepresence-caller.service.js';
import { TokenController } from './token.controller.js';
import { TokenService } from './token.service.js';
import { UserInfoController } from './user-info.controller.js';
import { UserInfoService } from './user-info.service.js';

/** What the Telepresence client 2.0 to 2.8 says to the cloud over HTTP (docs/telepresence.md). */
@Module({
  imports: [ApiKeysModule, AuditEventsModule, AuthModule, PagesModule, ProgramsModule],
  controllers: [
    AuthorizationController,
    DownloadsController,
    LicensesController,
    MintedKeysController,
    OldLinksController,
    TokenController,
    UserInfoController,
  ],
  providers: [
    AuthorizationService,
    ExpiredGrants,
    MintedKeysService,
    TelepresenceCallerService,
    TokenService,
    UserInfoService,
  ],
})
export class TelepresenceLoginModule {}
