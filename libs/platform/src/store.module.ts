import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { Store } from '@culvert/domain';

/** Injects the deployment's `Store`. */
export const STORE = Symbol('Store');

/** Gives every module the store, and closes it once the application has stopped serving. */
@Module({})
export class StoreModule implements OnApplicationShutdown {
  constructor(@Inject(STORE) private readonly store: Store) {}

  static register(store: Store): DynamicModule {
    return {
      module: StoreModule,
      global: true,
      providers: [{ provide: STORE, useValue: store }],
      exports: [STORE],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}
