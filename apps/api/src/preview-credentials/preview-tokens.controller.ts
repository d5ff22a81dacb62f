import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  createPreviewTokenRequest,
  pageQuery,
  resourceId,
  type CreatePreviewTokenRequest,
  type PageQuery,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { PreviewTokensService } from './preview-tokens.service.js';

@Controller('api/v1/previews/:previewId/tokens')
export class PreviewTokensController {
  constructor(private readonly previewTokens: PreviewTokensService) {}

  @Post()
  @RequireScope('previews:write')
  create(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Body({ schema: createPreviewTokenRequest }) body: CreatePreviewTokenRequest,
  ) {
    return this.previewTokens.create(caller, previewId, body);
  }

  @Get()
  @RequireScope('previews:read')
  list(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Query({ schema: pageQuery }) query: PageQuery,
  ) {
    return this.previewTokens.list(caller, previewId, query);
  }

  @Delete(':previewTokenId')
  @HttpCode(204)
  @RequireScope('previews:write')
  revoke(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Param('previewTokenId', { schema: resourceId }) id: string,
  ) {
    return this.previewTokens.revoke(caller, previewId, id);
  }
}
