/** Settings that all programs of a cluster read alike: the URL of the traffic manager, and the credential for it. */
import { ConfigurationError } from '@culvert/runtime';
import { defaultMeetingPoint, meetingPointUrl } from './address.js';

/** Bounds of a cluster secret: long enough against guessing, short enough for a header. */
const MIN_SECRET_LENGTH = 16;
const MAX_SECRET_LENGTH = 512;
const CLUSTER_SECRET = new RegExp(`^[!-~]{${MIN_SECRET_LENGTH},${MAX_SECRET_LENGTH}}$`);

/**
 * Returns the URL of the traffic manager: the given one, or the default.
 * @param given value of CULVERT_MANAGER_URL or `--manager-url`
 * @param isTls whether the default URL is `https`
 * @throws ConfigurationError
 */
export function readManagerUrl(
  given: string | undefined,
  env: NodeJS.ProcessEnv,
  { isTls }: { readonly isTls: boolean },
): URL {
  const namespace = env['TELEPRESENCE_MANAGER_NAMESPACE'] ?? '';
  const text = given ?? defaultMeetingPoint({ namespace, isTls });
  const url = meetingPointUrl(text);
  if (url !== null) return url;
  throw new ConfigurationError(
    `CULVERT_MANAGER_URL (--manager-url) must be an http or https URL without credentials, query or fragment; it is "${text}"`,
  );
}

/** Returns `secret`. @throws ConfigurationError unless it can be a cluster secret; the message does not quote it */
export function checkClusterSecret(secret: string): string {
  if (CLUSTER_SECRET.test(secret)) return secret;
  throw new ConfigurationError(
    'CULVERT_CLUSTER_SECRET (or the content of CULVERT_CLUSTER_SECRET_FILE) must be ' +
      `${MIN_SECRET_LENGTH} to ${MAX_SECRET_LENGTH} visible ASCII characters`,
  );
}
