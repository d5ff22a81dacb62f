import { Inject, Module, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Store } from '@culvert/domain';
import { Metrics } from '@culvert/metrics';
import { Readiness } from '@culvert/runtime';
import { STORE } from '../store.module.js';
import { AdminController, MetricsController } from './admin.controller.js';
import { createMetrics } from './metrics.js';

/** Provides `Readiness` and the metrics registry to every module. Serves nothing by itself. */
@Module({})
export class ObservabilityModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly readiness: Readiness,
    @Inject(STORE) private readonly store: Store,
  ) {}

  /** @param about the program, as its metrics name it */
  static register(about: { readonly program: string; readonly version: string }): DynamicModule {
    return {
      module: ObservabilityModule,
      global: true,
      providers: [
        { provide: Readiness, useFactory: () => new Readiness() },
        {
          provide: Metrics,
          inject: [Readiness],
          useFactory: (readiness: Readiness) => createMetrics(about, readiness),
        },
      ],
      exports: [Readiness, Metrics],
    };
  }

  onModuleInit(): void {
    this.readiness.addCheck('store', () => this.store.ping());
  }

  onModuleDestroy(): void {
    this.readiness.markClosing();
  }
}

/** Serves /healthz and /readyz in the application that imports it. */
@Module({ controllers: [AdminController] })
export class AdminModule {}

/** Serves /metrics in the application that imports it. */
@Module({ controllers: [MetricsController] })
export class MetricsModule {}
