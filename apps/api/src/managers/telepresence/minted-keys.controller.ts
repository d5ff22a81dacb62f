import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { mintKeyRequest, type MintKeyRequest } from '@culvert/contract';
import { Public } from '@culvert/nest';
import { IgnoresCookies } from '../../http/auth/require-scope.js';
import type { Request } from 'express';
import { factsOf } from '../../http/request-facts.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import { MintedKeysService, type MintedKey } from './minted-keys.service.js';
import { TelepresenceCallerService } from './telepresence-caller.service.js';

@Public()
@IgnoresCookies(true)
@CountedByAddress('minted-keys')
@Controller('sso/api/apikeys')
export class MintedKeysController {
  constructor(
    private readonly callers: TelepresenceCallerService,
    private readonly mintedKeys: MintedKeysService,
  ) {}

  @Post()
  @HttpCode(200)
  async mint(
    @Req() request: Request,
    @Body({ schema: mintKeyRequest }) body: MintKeyRequest,
  ): Promise<MintedKey> {
    const caller = await this.callers.identify(factsOf(request));
    return this.mintedKeys.mint(caller, 'body' in body ? body.body.description : body.description);
  }
}
