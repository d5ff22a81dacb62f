import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { EventBus } from '@culvert/events';
import { Readiness } from '@culvert/runtime';

/** Injects the deployment's `EventBus`. */
export const EVENT_BUS = Symbol('EventBus');

/** Provides the event bus to every module, and closes it once the application has stopped serving. */
@Module({})
export class ClusterModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    private readonly readiness: Readiness,
  ) {}

  static register(bus: EventBus): DynamicModule {
    return {
      module: ClusterModule,
      global: true,
      providers: [{ provide: EVENT_BUS, useValue: bus }],
      exports: [EVENT_BUS],
    };
  }

  /** Without a bus between processes there is nothing to check. */
  onModuleInit(): void {
    const { bus } = this;
    if (bus.ping !== undefined) this.readiness.addCheck('redis', async () => bus.ping?.());
  }

  onApplicationShutdown(): Promise<void> {
    return this.bus.close();
  }
}
