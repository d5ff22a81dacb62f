import type { ShownIntercept } from './messages/types.js';

/** How a call to the manager failed. */
export interface CallFailure {
  /** The manager's `GrpcStatus`; UNAVAILABLE when the tunnel ended first. */
  readonly status: number;
  readonly message: string;
}

export interface InterceptWatcher {
  /** Every intercept of the manager: once at the beginning and after changes. */
  onSnapshot(intercepts: readonly ShownIntercept[]): void;
  /** No snapshot follows. Not called after `cancel`. */
  onEnd(failure: CallFailure): void;
}

/** The calls that are made to a manager through its reverse connection. There are no others. */
export interface ManagerClient {
  /** Calls WatchIntercepts for all sessions. Returns a function that cancels it. */
  watchIntercepts(watcher: InterceptWatcher): () => void;
  /**
   * UpdateIntercept with `remove_preview_domain`, unless the manager is of a version that dies of it or refuses it, or
   * of one that is not known: then FAILED_PRECONDITION, and only its version was asked. The manager calls RemoveDomain back
   * before it answers, so RemoveDomain must not await this. Null when it succeeded.
   */
  removePreview(interceptId: string): Promise<CallFailure | null>;
}
