import type { ShownIntercept } from './messages/types.js';

/** How a call to the manager ended other than well. */
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

/** What is asked of a manager through its reverse connection; nothing else ever is. */
export interface ManagerClient {
  /** WatchIntercepts of all sessions. Returns the way to cancel. */
  watchIntercepts(watcher: InterceptWatcher): () => void;
  /**
   * UpdateIntercept with `remove_preview_domain`. The manager calls RemoveDomain back before it answers, so this must not
   * be awaited by RemoveDomain. Null when it succeeded.
   */
  removePreview(interceptId: string): Promise<CallFailure | null>;
}
