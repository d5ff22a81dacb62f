/** State of the team's event stream. */
export type LiveState = 'connecting' | 'live' | 'broken';

let state: LiveState = 'connecting';
const listeners = new Set<() => void>();

export function liveState(): LiveState {
  return state;
}

export function isLive(): boolean {
  return state === 'live';
}

export function setLiveState(next: LiveState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

/** For `useSyncExternalStore`. */
export function onLiveState(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
