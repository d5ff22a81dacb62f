import type { Change, ChangedResource } from '@culvert/domain';

/** Facts that every process of a deployment must hear of, within a second. */
export type ClusterEvent =
  /** A preview was created, changed or removed: forget what is cached under its hostname. */
  | { readonly type: 'preview.changed'; readonly hostname: string }
  /** A person removed a preview: its traffic manager, should it think that it made it, is to be told. */
  | {
      readonly type: 'preview.removed';
      readonly trafficManagerId: string;
      readonly interceptId: string;
      readonly hostname: string;
    }
  /** A key was revoked or deleted: end what was authenticated with it. */
  | { readonly type: 'api-key.revoked'; readonly apiKeyId: string }
  /** A person ended a session: close its tunnels and do not let it resume. */
  | { readonly type: 'session.ended'; readonly sessionId: string; readonly reason: string }
  /**
   * A session or program of theirs ended, a membership or role changed, or they were removed: look again what they may.
   */
  | { readonly type: 'user.changed'; readonly userId: string }
  /** Something that a team may watch is not as it was. Committed; nothing hangs on hearing of it. */
  | {
      readonly type: 'resource.changed';
      readonly teamId: string;
      readonly resource: ChangedResource;
      readonly id: string;
      readonly change: Change;
    };

/** Events between processes. Delivery is at most once; `onGap` tells when something may have been missed. */
export interface EventBus {
  /** Resolves once the bus has taken the event. */
  publish(event: ClusterEvent): Promise<void>;
  /** Hears every event from now on, this process's own included. Returns the way to stop. */
  subscribe(listener: (event: ClusterEvent) => void): () => void;
  /** Called after a broken connection is back: caches must be dropped, since events may be lost. */
  onGap(listener: () => void): () => void;
  close(): Promise<void>;
}
