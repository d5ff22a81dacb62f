import { isDeepStrictEqual } from 'node:util';
import type { LinkCredentials } from '@culvert/fleet';
import {
  FileWatch,
  type LinkCredentialFiles,
  type LinkCredentialSettings,
  readLinkCredentials,
} from '@culvert/runtime';
import type { Logger } from 'pino';

export interface WatchedCredentials {
  readonly files: LinkCredentialFiles;
  /** What the files held at the start. */
  readonly used: LinkCredentialSettings;
  readonly log: Logger;
  /** Interval between two checks of the files. Default: that of `FileWatch`. */
  readonly lookMs?: number;
}

/** Returns a watch of the files that hold the credentials of links: it reports new ones, and returns how to stop it. */
export function watchLinkCredentials({ files, used, log, lookMs }: WatchedCredentials) {
  return (onChange: (credentials: LinkCredentials) => void): (() => void) => {
    const events = {
      onChange: (changed: LinkCredentialSettings) => {
        onChange(changed);
        log.info(
          changed.kind === 'secrets' ? { secrets: changed.secrets.length } : {},
          changed.kind === 'secrets'
            ? 'EDGE_LINK_SECRET_FILE has changed: new links use its first secret, and all of them are accepted'
            : 'the certificate of links has changed: new links use it',
        );
      },
      onProblem: (error: Error) =>
        log.error({ err: error }, 'the new credentials of links cannot be used, so the old ones stay in use'),
    };
    const watch = new FileWatch((before) => readIfChanged(files, before), used, events, lookMs);
    return () => watch.stop();
  };
}

function readIfChanged(
  files: LinkCredentialFiles,
  before: LinkCredentialSettings,
): LinkCredentialSettings | null {
  const found = readLinkCredentials(files);
  return isDeepStrictEqual(found, before) ? null : found;
}
