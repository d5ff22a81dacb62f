import type { Directory, EdgeNode } from './directory.js';
import type { DirectoryTimes } from './directory-times.js';
import { RedisDirectory } from './redis-directory.js';
import { SoleDirectory } from './sole-directory.js';

export interface DirectoryOptions {
  /** Absent if the deployment has one edge. */
  readonly redisUrl?: string | undefined;
  /** This edge. */
  readonly self: EdgeNode;
  /** Receives broken connections (once per outage), data that cannot be read (once per kind), and errors of listeners. */
  readonly onError: (error: unknown) => void;
  /** Other times than usual, for tests. */
  readonly times?: Partial<DirectoryTimes>;
}

/** Creates the directory of this process. With Redis it connects in the background, even if Redis starts later. */
export function createDirectory({ redisUrl, self, onError, times }: DirectoryOptions): Directory {
  return redisUrl === undefined
    ? new SoleDirectory(self)
    : new RedisDirectory(redisUrl, self, onError, times);
}
