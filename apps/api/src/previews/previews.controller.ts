import { Body, Controller, Param, Query } from '@nestjs/common';
import type { CreatePreviewRequest, PreviewQuery, UpdatePreviewRequest } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../http/auth/caller.js';
import { Operation } from '../http/operation.js';
import { PreviewsService } from './previews.service.js';

@Controller()
export class PreviewsController {
  constructor(private readonly previews: PreviewsService) {}

  @Operation('createPreview')
  create(@CurrentCaller() caller: Caller, @Body() body: CreatePreviewRequest) {
    return this.previews.create(caller, body);
  }

  @Operation('listPreviews')
  list(@CurrentCaller() caller: Caller, @Query() query: PreviewQuery) {
    return this.previews.list(caller, query);
  }

  @Operation('getPreview')
  show(@CurrentCaller() caller: Caller, @Param('previewId') id: string) {
    return this.previews.show(caller, id);
  }

  @Operation('updatePreview')
  update(
    @CurrentCaller() caller: Caller,
    @Param('previewId') id: string,
    @Body() body: UpdatePreviewRequest,
  ) {
    return this.previews.update(caller, id, body);
  }

  @Operation('deletePreview')
  remove(@CurrentCaller() caller: Caller, @Param('previewId') id: string) {
    return this.previews.remove(caller, id);
  }
}
