import type { EdgeNode, GoneEdge } from './directory/directory.js';
import type { LinkError, RefusalCause } from './links/link-failure.js';
import type { LinkEvent } from './links/links.js';

/** What happens in a fleet and is worth a log line. No value contains a secret. */
export type FleetEvent =
  | Extract<LinkEvent, { type: 'open' | 'closed' }>
  /** Attempts to dial an edge failed: `count` since the last such event about this edge. */
  | {
      readonly type: 'failed';
      readonly edge: EdgeNode;
      readonly error: LinkError;
      readonly count: number;
    }
  /** Connections were refused: `count` since the last such event with this cause. The address is the latest. */
  | {
      readonly type: 'refused';
      readonly cause: RefusalCause;
      readonly remoteAddress: string;
      readonly detail: string;
      readonly count: number;
    }
  | ({ readonly type: 'gone' } & GoneEdge);

/** Receives what is worth a log line. */
export interface FleetLog {
  event(event: FleetEvent): void;
  fault(error: unknown): void;
}
