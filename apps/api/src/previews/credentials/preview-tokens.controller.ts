import { Body, Controller, Param, Query } from '@nestjs/common';
import type { CreatePreviewTokenRequest, PageQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { PreviewTokensService } from './preview-tokens.service.js';

@Controller()
export class PreviewTokensController {
  constructor(private readonly previewTokens: PreviewTokensService) {}

  @Operation('createPreviewToken')
  create(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Body() body: CreatePreviewTokenRequest,
  ) {
    return this.previewTokens.create(caller, previewId, body);
  }

  @Operation('listPreviewTokens')
  list(@CurrentCaller() caller: Caller, @Param('previewId') previewId: string, @Query() query: PageQuery) {
    return this.previewTokens.list(caller, previewId, query);
  }

  @Operation('revokePreviewToken')
  revoke(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Param('previewTokenId') id: string,
  ) {
    return this.previewTokens.revoke(caller, previewId, id);
  }
}
