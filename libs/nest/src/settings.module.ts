import { Module, type DynamicModule } from '@nestjs/common';
import type { Settings } from '@culvert/runtime';

/** Injects the process's `Settings`. */
export const SETTINGS = Symbol('Settings');

@Module({})
export class SettingsModule {
  static register(settings: Settings): DynamicModule {
    return {
      module: SettingsModule,
      global: true,
      providers: [{ provide: SETTINGS, useValue: settings }],
      exports: [SETTINGS],
    };
  }
}
