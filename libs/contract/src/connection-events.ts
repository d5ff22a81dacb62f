import { CONNECTION_CHANGES, CONNECTION_REASONS } from '@culvert/terms';
import { z } from 'zod';
import { pageOf } from './page.js';
import { tunnelKind } from './sessions.js';
import { id, timestamp } from './text.js';

export const connectionEventResource = z.strictObject({
  id,
  trafficManagerId: id,
  sessionId: id,
  at: timestamp,
  change: z
    .enum(CONNECTION_CHANGES)
    .describe(
      '`connected`: a tunnel opened and began a session. `resumed`: a tunnel opened for an existing ' +
        'session. `disconnected`: a tunnel closed. `ended`: the session ended for good.',
    ),
  kind: tunnelKind,
  edgeId: z.string(),
  remoteAddress: z.string().describe('Address from which the tunnel was opened.'),
  version: z.string(),
  reason: z
    .enum(CONNECTION_REASONS)
    .nullable()
    .describe('Why the tunnel closed or the session ended; null if something opened.'),
  detail: z.string().describe('Explanation for people; may be empty.'),
  omittedBefore: z
    .int()
    .describe(
      'Number of events before this one that were left out because there were too many in a short time.',
    ),
});
export type ConnectionEventResource = z.output<typeof connectionEventResource>;

export const connectionEventPage = pageOf(connectionEventResource);
