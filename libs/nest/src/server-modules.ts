import type { EventBus } from '@culvert/events';
import type { Store } from '@culvert/domain';
import type { Settings } from '@culvert/runtime';
import type { DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { ObservabilityModule } from './admin/admin.module.js';
import { ClusterModule } from './cluster.module.js';
import { LoggerModule } from './logger.module.js';
import { SettingsModule } from './settings.module.js';
import { StoreModule } from './store.module.js';

/** The parts that every server process needs. */
export interface ServerParts {
  readonly settings: Settings;
  /** Version of the program. */
  readonly version: string;
  readonly log: Logger;
  readonly store: Store;
  readonly bus: EventBus;
}

/**
 * Returns the global modules that provide the parts to an application. They own `store` and `bus`, and close them at
 * the end.
 */
export function serverModules({ settings, version, log, store, bus }: ServerParts): DynamicModule[] {
  return [
    SettingsModule.register(settings),
    LoggerModule.register(log),
    StoreModule.register(store),
    ClusterModule.register(bus),
    ObservabilityModule.register({ program: settings.app, version }),
  ];
}
