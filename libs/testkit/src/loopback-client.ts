import { HttpClient } from '@culvert/outbound';

/** Creates an HTTP client for servers of a test on this machine. */
export function createLoopbackClient(): HttpClient {
  return new HttpClient({
    connectTimeoutMs: 10_000,
    timeoutMs: 10_000,
    maxResponseBytes: 1_000_000,
    allowPrivateAddresses: true,
  });
}
