import { Controller, Param, Post } from '@nestjs/common';
import { resourceId } from '@culvert/contract';
import { CurrentCaller, type Caller } from '../auth/caller.js';
import { RequireScope } from '../auth/require-scope.js';
import { PreviewsService } from './previews.service.js';

@Controller('api/v1/intercepts/:interceptId/restore-preview')
export class RestoredPreviewController {
  constructor(private readonly previews: PreviewsService) {}

  @Post()
  @RequireScope('previews:write')
  create(@CurrentCaller() caller: Caller, @Param('interceptId', { schema: resourceId }) interceptId: string) {
    return this.previews.restore(caller, interceptId);
  }
}
