import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { Repositories, Store } from '@culvert/domain';

/** Injects the deployment's `Store`. */
export const STORE = Symbol('Store');

/** Injects the `Repositories` for work without a waiting caller: sweeps and records. */
export const BACKGROUND_STORE = Symbol('BackgroundStore');

/** Provides the store to every module, and closes it once the application has stopped serving. */
@Module({})
export class StoreModule implements OnApplicationShutdown {
  constructor(@Inject(STORE) private readonly store: Store) {}

  static register(store: Store): DynamicModule {
    return {
      module: StoreModule,
      global: true,
      providers: [
        { provide: STORE, useValue: store },
        { provide: BACKGROUND_STORE, useValue: store.background satisfies Repositories },
      ],
      exports: [STORE, BACKGROUND_STORE],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}
