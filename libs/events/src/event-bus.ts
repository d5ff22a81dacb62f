import type { Change, ChangedResource } from '@culvert/domain';

/** Facts that every process of a deployment must receive within a second. */
export type ClusterEvent =
  /** A preview was created, changed or removed: drop what is cached under its hostname. */
  | { readonly type: 'preview.changed'; readonly hostname: string }
  /** A person removed a preview: notify its traffic manager, in case the manager believes that it created it. */
  | {
      readonly type: 'preview.removed';
      readonly trafficManagerId: string;
      readonly interceptId: string;
      readonly hostname: string;
    }
  /** A key was revoked or deleted: end connections that it authenticated. */
  | { readonly type: 'api-key.revoked'; readonly apiKeyId: string }
  /** A person ended a session: close its tunnels and do not let it resume. */
  | { readonly type: 'session.ended'; readonly sessionId: string; readonly reason: string }
  /**
   * A person's session or program ended, a membership or role changed, or they were removed: look up their permissions
   * again.
   */
  | { readonly type: 'user.changed'; readonly userId: string }
  /** Something that a team may watch has changed and is committed; nothing depends on this event. */
  | {
      readonly type: 'resource.changed';
      readonly teamId: string;
      readonly resource: ChangedResource;
      readonly id: string;
      readonly change: Change;
    }
  /**
   * A person watches the exchanges of a preview: edges send them to `exchangesTopic` until `EXCHANGE_WATCH_MS` after the
   * last of these events, or until `stop`. After `start` they send what they still have to `watcherTopic`.
   */
  | {
      readonly type: 'preview.watched';
      readonly teamId: string;
      readonly previewId: string;
      readonly watcherId: string;
      readonly phase: 'start' | 'go-on' | 'stop';
      readonly captures: 'heads' | 'bodies';
    }
  /**
   * A person wants a request sent to a preview as if a visitor had sent it: every edge answers on `replayAnswersTopic`
   * whether it can, and what it knows of the exchange to repeat. One of them then receives the request.
   */
  | {
      readonly type: 'replay.asked';
      readonly teamId: string;
      readonly previewId: string;
      readonly trafficManagerId: string;
      readonly replayId: string;
      /** Empty: no exchange is repeated. */
      readonly exchangeId: string;
    };

/** How long a watch lasts without renewal. */
export const EXCHANGE_WATCH_MS = 30_000;

/** Where edges send the exchanges of a preview. */
export function exchangesTopic(teamId: string, previewId: string): string {
  return `exchanges:${teamId}:${previewId}`;
}

/** Where edges send bodies of exchanges, for subscribers that asked for bodies. */
export function bodiesTopic(teamId: string, previewId: string): string {
  return `bodies:${teamId}:${previewId}`;
}

/** Where edges send earlier exchanges to one watcher. */
export function watcherTopic(watcherId: string): string {
  return `watcher:${watcherId}`;
}

/** Events between processes. Delivery is at most once; `onGap` reports when events may have been lost. */
export interface EventBus {
  /** Resolves once the bus has accepted the event. */
  publish(event: ClusterEvent): Promise<void>;
  /** Calls `listener` with every event from now on, including this process's own. Returns a function that unsubscribes. */
  subscribe(listener: (event: ClusterEvent) => void): () => void;
  /** Called when a broken connection is back: drop caches, since events may have been lost. */
  onGap(listener: () => void): () => void;
  /** Sends bulk data to the subscribers of this topic, if any. It may get lost. */
  send(topic: string, message: string): void;
  /** Subscribes to a topic. Its messages reach this process only while it has a subscriber. */
  listen(topic: string, listener: (message: string) => void): Listening;
  /** Resolves if the bus can carry events between processes now. Absent if it connects no processes. */
  ping?(): Promise<void>;
  close(): Promise<void>;
}

export interface Listening {
  /** Resolves when messages will arrive from now on, or cannot for now. */
  readonly isReady: Promise<void>;
  readonly stop: () => void;
}
