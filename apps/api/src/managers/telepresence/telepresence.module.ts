import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../../team/api-keys/api-keys.module.js';
import { AuthModule } from '../../http/auth/auth.module.js';
import { DownloadsController } from './downloads.controller.js';
import { LicensesController } from './licenses.controller.js';
import { MintedKeysController } from './minted-keys.controller.js';
import { MintedKeysService } from './minted-keys.service.js';
import { OldLinksController } from './old-links.controller.js';
import { TelepresenceCallerService } from './telepresence-caller.service.js';
import { UserInfoController } from './user-info.controller.js';
import { UserInfoService } from './user-info.service.js';

/**
 * HTTP requests of the Telepresence client 2.0 to 2.8 to the cloud, except signing in, which uses OAuth
 * (docs/telepresence.md).
 */
@Module({
  imports: [ApiKeysModule, AuthModule],
  controllers: [
    DownloadsController,
    LicensesController,
    MintedKeysController,
    OldLinksController,
    UserInfoController,
  ],
  providers: [MintedKeysService, TelepresenceCallerService, UserInfoService],
})
export class TelepresenceModule {}
