import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  createShareLinkRequest,
  pageQuery,
  resourceId,
  type CreateShareLinkRequest,
  type PageQuery,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { ShareLinksService } from './share-links.service.js';

@Controller('api/v1/previews/:previewId/share-links')
export class ShareLinksController {
  constructor(private readonly shareLinks: ShareLinksService) {}

  @Post()
  @RequireScope('previews:write')
  create(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Body({ schema: createShareLinkRequest }) body: CreateShareLinkRequest,
  ) {
    return this.shareLinks.create(caller, previewId, body);
  }

  @Get()
  @RequireScope('previews:read')
  list(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Query({ schema: pageQuery }) query: PageQuery,
  ) {
    return this.shareLinks.list(caller, previewId, query);
  }

  @Delete(':shareLinkId')
  @HttpCode(204)
  @RequireScope('previews:write')
  revoke(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) previewId: string,
    @Param('shareLinkId', { schema: resourceId }) id: string,
  ) {
    return this.shareLinks.revoke(caller, previewId, id);
  }
}
