import { Body, Controller, Param, Query } from '@nestjs/common';
import type { CreateShareLinkRequest, PageQuery } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../../http/auth/caller.js';
import { Operation } from '../../http/operation.js';
import { ShareLinksService } from './share-links.service.js';

@Controller()
export class ShareLinksController {
  constructor(private readonly shareLinks: ShareLinksService) {}

  @Operation('createShareLink')
  create(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Body() body: CreateShareLinkRequest,
  ) {
    return this.shareLinks.create(caller, previewId, body);
  }

  @Operation('listShareLinks')
  list(@CurrentCaller() caller: Caller, @Param('previewId') previewId: string, @Query() query: PageQuery) {
    return this.shareLinks.list(caller, previewId, query);
  }

  @Operation('revokeShareLink')
  revoke(
    @CurrentCaller() caller: Caller,
    @Param('previewId') previewId: string,
    @Param('shareLinkId') id: string,
  ) {
    return this.shareLinks.revoke(caller, previewId, id);
  }
}
