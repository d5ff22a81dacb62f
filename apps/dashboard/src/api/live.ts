/**
 * The event stream of the team: reports changes, so that the right queries are repeated. Browsers reconnect by
 * themselves and resume after the last event; a stream that the server refused is opened again with growing delays.
 */
import { useEffect } from 'react';
import { queryClient } from './query-client.js';
import { setLiveState } from './live-state.js';
import type { Resource } from './keys.js';

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
/** Milliseconds for which changes are collected before queries are repeated. */
const GATHER_MS = 100;

/** A change, as the server reports it. */
export interface Change {
  readonly resource: Resource;
  readonly id: string;
  readonly change: string;
  readonly at: string;
}

type ChangeListener = (change: Change) => boolean;
const listeners = new Set<ChangeListener>();

/**
 * Lets a list update single items itself. If a listener returns true, it has handled the change, and the queries of its
 * resource are not repeated.
 */
export function onChange(listener: ChangeListener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Keeps the cache of `teamId` up to date while the caller is mounted. */
export function useLiveUpdates(teamId: string | null): void {
  useEffect(() => (teamId === null ? undefined : follow(teamId)), [teamId]);
}

function follow(teamId: string): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let hasMissed = false;
  const gathered = gatherChanges();

  const open = (): void => {
    source = new EventSource(`/api/v1/events?team=${encodeURIComponent(teamId)}`);
    source.addEventListener('open', () => {
      pauseMs = FIRST_PAUSE_MS;
      setLiveState('live');
      // A new stream does not know which event came last.
      if (hasMissed) void queryClient.invalidateQueries();
      hasMissed = false;
    });
    source.addEventListener('change', ({ data }) => gathered.add(data as string));
    source.addEventListener('reset', () => void queryClient.invalidateQueries());
    source.addEventListener('error', () => {
      setLiveState('broken');
      if (source?.readyState !== EventSource.CLOSED) return;
      hasMissed = true;
      timer = setTimeout(open, pauseMs);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    });
  };

  setLiveState('connecting');
  open();
  return () => {
    clearTimeout(timer);
    gathered.stop();
    source?.close();
    setLiveState('connecting');
  };
}

function gatherChanges(): { add(data: string): void; stop(): void } {
  const resources = new Set<Resource>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    const changed = new Set(resources);
    resources.clear();
    void queryClient.invalidateQueries({ predicate: ({ queryKey }) => changed.has(queryKey[1] as Resource) });
  };
  return {
    add(data) {
      const change = parseChange(data);
      if (change === null) return;
      let isHandled = false;
      for (const listener of listeners) isHandled = listener(change) || isHandled;
      if (isHandled) return;
      resources.add(change.resource);
      timer ??= setTimeout(flush, GATHER_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Returns the change in an event, or null: a newer server may report kinds that this page does not know. */
export function parseChange(data: string): Change | null {
  try {
    const value = JSON.parse(data) as Partial<Change> | null;
    return typeof value?.resource === 'string' && typeof value.id === 'string' ? (value as Change) : null;
  } catch {
    return null;
  }
}
