import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { HttpClient } from '@culvert/outbound';

const CONNECT_TIMEOUT_MS = 5000;
const TIMEOUT_MS = 10_000;
/** Limit of one response: a page of a hundred comments of 64 KiB. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/** Provides the `HttpClient` for forges and identity providers: one for all of them. */
@Module({
  providers: [
    {
      provide: HttpClient,
      useFactory: () =>
        new HttpClient({
          connectTimeoutMs: CONNECT_TIMEOUT_MS,
          timeoutMs: TIMEOUT_MS,
          maxResponseBytes: MAX_RESPONSE_BYTES,
          // The operator's settings name the addresses; forges and providers of companies are in private networks.
          allowPrivateAddresses: true,
        }),
    },
  ],
  exports: [HttpClient],
})
export class OutgoingModule implements OnApplicationShutdown {
  constructor(private readonly http: HttpClient) {}

  onApplicationShutdown(): void {
    this.http.close();
  }
}
