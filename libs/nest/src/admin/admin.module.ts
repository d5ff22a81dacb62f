import { Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import type { Store } from '@culvert/domain';
import type { Registry } from 'prom-client';
import { STORE } from '../store.module.js';
import { AdminController } from './admin.controller.js';
import { createMetrics, METRICS } from './metrics.js';
import { Readiness } from './readiness.js';

/** Gives every module `Readiness` and the metrics registry. Serves nothing by itself. */
@Module({})
export class ObservabilityModule implements OnModuleInit {
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
}

/** Serves /healthz, /readyz and /metrics in the application that imports it. */
@Module({ controllers: [AdminController] })
export class AdminModule {
  /** For an application of its own: shows the state of the application that `readiness` and `metrics` belong to. */
  static showing(shown: { readonly readiness: Readiness; readonly metrics: Registry }): DynamicModule {
    return {
      module: AdminModule,
      providers: [
        { provide: Readiness, useValue: shown.readiness },
        { provide: METRICS, useValue: shown.metrics },
      ],
    };
  }
}
