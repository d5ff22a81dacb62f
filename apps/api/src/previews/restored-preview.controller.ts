import { Controller, Param } from '@nestjs/common';
import { CurrentCaller, type Caller } from '../http/auth/caller.js';
import { Operation } from '../http/operation.js';
import { PreviewsService } from './previews.service.js';

@Controller()
export class RestoredPreviewController {
  constructor(private readonly previews: PreviewsService) {}

  @Operation('restorePreview')
  create(@CurrentCaller() caller: Caller, @Param('interceptId') interceptId: string) {
    return this.previews.restore(caller, interceptId);
  }
}
