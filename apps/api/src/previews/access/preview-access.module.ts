import { Module } from '@nestjs/common';
import { PagesModule } from '../../http/pages/pages.module.js';
import { PreviewAccessController } from './preview-access.controller.js';
import { PreviewAccessService } from './preview-access.service.js';

@Module({
  imports: [PagesModule],
  controllers: [PreviewAccessController],
  providers: [PreviewAccessService],
})
export class PreviewAccessModule {}
