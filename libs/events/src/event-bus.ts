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
    }
  /**
   * Somebody watches the exchanges of a preview: edges send them to `exchangesTopic` until `EXCHANGE_WATCH_MS` after the
   * last of these events, or until `stop`. With `start` they send what they still know to `watcherTopic`.
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
   * Somebody wants a request sent to a preview as a visitor would send it: every edge says to `replayAnswersTopic` whether
   * it can, and what it knows of the exchange that is to be repeated. One of them is then given the request.
   */
  | {
      readonly type: 'replay.asked';
      readonly teamId: string;
      readonly previewId: string;
      readonly trafficManagerId: string;
      readonly replayId: string;
      /** Empty: none is repeated. */
      readonly exchangeId: string;
    };

/** How long a watch lasts that is not renewed. */
export const EXCHANGE_WATCH_MS = 30_000;

/** Where edges send the exchanges of a preview. */
export function exchangesTopic(teamId: string, previewId: string): string {
  return `exchanges:${teamId}:${previewId}`;
}

/** Where edges send bodies of them, for those alone who asked for bodies. */
export function bodiesTopic(teamId: string, previewId: string): string {
  return `bodies:${teamId}:${previewId}`;
}

/** Where edges send what one watcher was not there for. */
export function watcherTopic(watcherId: string): string {
  return `watcher:${watcherId}`;
}

/** Events between processes. Delivery is at most once; `onGap` tells when something may have been missed. */
export interface EventBus {
  /** Resolves once the bus has taken the event. */
  publish(event: ClusterEvent): Promise<void>;
  /** Hears every event from now on, this process's own included. Returns the way to stop. */
  subscribe(listener: (event: ClusterEvent) => void): () => void;
  /** Called after a broken connection is back: caches must be dropped, since events may be lost. */
  onGap(listener: () => void): () => void;
  /** Sends bulk to those who listen to this topic, if anybody does. It may get lost. */
  send(topic: string, message: string): void;
  /** Hears a topic. Sent to this process only while somebody in it listens. */
  listen(topic: string, listener: (message: string) => void): Listening;
  close(): Promise<void>;
}

export interface Listening {
  /** Resolves when messages come from now on, or cannot for now. */
  readonly isReady: Promise<void>;
  readonly stop: () => void;
}
