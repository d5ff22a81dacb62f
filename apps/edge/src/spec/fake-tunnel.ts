import type { Tunnel } from '@culvert/tunnel';

/** A tunnel whose figures a test sets. */
export class FakeTunnel implements Tunnel {
  readonly kind = 'native';
  readonly state = 'open';
  readonly maxStreams = 10;
  streamCount = 0;
  roundTripMs = 0;
  receivedBytes = 0;
  sentBytes = 0;

  openStream(): null {
    return null;
  }
}
