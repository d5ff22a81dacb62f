import { Inject, Module, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Store } from '@culvert/domain';
import { Readiness } from '@culvert/runtime';
import { STORE } from '../store.module.js';
import { AdminController } from './admin.controller.js';
import { createMetrics, METRICS } from './metrics.js';

/** Provides `Readiness` and the metrics registry to every module. Serves nothing by itself. */
@Module({})
export class ObservabilityModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly readiness: Readiness,
    @Inject(STORE) private readonly store: Store,
  ) {}

  static register(): DynamicModule {
    return {
      module: ObservabilityModule,
      global: true,
      providers: [
        { provide: Readiness, useFactory: () => new Readiness() },
        { provide: METRICS, inject: [Readiness], useFactory: createMetrics },
      ],
      exports: [Readiness, METRICS],
    };
  }

  onModuleInit(): void {
    this.readiness.addCheck('store', () => this.store.ping());
  }

  onModuleDestroy(): void {
    this.readiness.markClosing();
  }
}

/** Serves /healthz, /readyz and /metrics in the application that imports it. */
@Module({ controllers: [AdminController] })
export class AdminModule {}
