import { Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';

/** Injects the process's `pino` log. */
export const LOG = Symbol('Log');

@Module({})
export class LoggerModule {
  static register(log: Logger): DynamicModule {
    return {
      module: LoggerModule,
      global: true,
      providers: [{ provide: LOG, useValue: log }],
      exports: [LOG],
    };
  }
}
