import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { HttpClient } from '@culvert/outbound';

const CONNECT_TIMEOUT_MS = 5000;
const TIMEOUT_MS = 10_000;
/** A page of a hundred comments of 64 KiB. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/** The way to forges and identity providers: one `HttpClient` for all of them. */
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
