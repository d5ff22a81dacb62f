import { Module } from '@nestjs/common';
import { MeModule } from '../me/me.module.js';
import { PagesModule } from '../../http/pages/pages.module.js';
import { AccountController } from './account.controller.js';

@Module({ imports: [MeModule, PagesModule], controllers: [AccountController] })
export class AccountModule {}
