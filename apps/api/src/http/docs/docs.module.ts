import { Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';
import { ServerController } from './server.controller.js';

@Module({ controllers: [DocsController, ServerController] })
export class DocsModule {}
