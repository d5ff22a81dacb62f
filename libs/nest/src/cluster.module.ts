import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { EventBus } from '@culvert/events';

/** Injects the deployment's `EventBus`. */
export const EVENT_BUS = Symbol('EventBus');

/** Provides the event bus to every module, and closes it once the application has stopped serving. */
@Module({})
export class ClusterModule implements OnApplicationShutdown {
  constructor(@Inject(EVENT_BUS) private readonly bus: EventBus) {}

  static register(bus: EventBus): DynamicModule {
    return {
      module: ClusterModule,
      global: true,
      providers: [{ provide: EVENT_BUS, useValue: bus }],
      exports: [EVENT_BUS],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.bus.close();
  }
}
