import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  createPreviewRequest,
  previewQuery,
  resourceId,
  updatePreviewRequest,
  type CreatePreviewRequest,
  type PreviewQuery,
  type UpdatePreviewRequest,
} from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { PreviewsService } from './previews.service.js';

@Controller('api/v1/previews')
export class PreviewsController {
  constructor(private readonly previews: PreviewsService) {}

  @Post()
  @RequireScope('previews:write')
  create(
    @CurrentCaller() caller: Caller,
    @Body({ schema: createPreviewRequest }) body: CreatePreviewRequest,
  ) {
    return this.previews.create(caller, body);
  }

  @Get()
  @RequireScope('previews:read')
  list(@CurrentCaller() caller: Caller, @Query({ schema: previewQuery }) query: PreviewQuery) {
    return this.previews.list(caller, query);
  }

  @Get(':previewId')
  @RequireScope('previews:read')
  show(@CurrentCaller() caller: Caller, @Param('previewId', { schema: resourceId }) id: string) {
    return this.previews.show(caller, id);
  }

  @Patch(':previewId')
  @RequireScope('previews:write')
  update(
    @CurrentCaller() caller: Caller,
    @Param('previewId', { schema: resourceId }) id: string,
    @Body({ schema: updatePreviewRequest }) body: UpdatePreviewRequest,
  ) {
    return this.previews.update(caller, id, body);
  }

  @Delete(':previewId')
  @HttpCode(204)
  @RequireScope('previews:write')
  remove(@CurrentCaller() caller: Caller, @Param('previewId', { schema: resourceId }) id: string) {
    return this.previews.remove(caller, id);
  }
}
