import { SESSION_STATES, TUNNEL_KINDS } from '@culvert/terms';
import { z } from 'zod';
import { pageOf, pageQuery } from './page.js';
import { id, timestamp } from './text.js';

export const tunnelKind = z.enum(TUNNEL_KINDS);

const state = z.enum(SESSION_STATES);

export const sessionQuery = pageQuery.extend({
  trafficManagerId: id.optional().describe('Only sessions of this traffic manager.'),
  state: state.optional().describe('Only sessions in this state.'),
});
export type SessionQuery = z.output<typeof sessionQuery>;

const tunnel = z.strictObject({
  id,
  kind: tunnelKind,
  edgeId: z.string().describe('Edge that holds the tunnel: an ID, new with every start of the edge.'),
  edgeName: z
    .string()
    .describe('Name of the edge for people: its host, its port and the number of the worker; may be empty.'),
  remoteAddress: z.string().describe('Address from which the tunnel was opened.'),
  openedAt: timestamp,
  streamCount: z.int().describe('Number of open streams at the last report.'),
  roundTripMs: z
    .number()
    .nullable()
    .describe('Round-trip time to the traffic manager in milliseconds; null before it is measured.'),
  receivedBytes: z
    .int()
    .describe('Bytes received from the traffic manager since the tunnel opened, at the last report.'),
  sentBytes: z
    .int()
    .describe('Bytes sent to the traffic manager since the tunnel opened, at the last report.'),
  reportedAt: timestamp.describe(
    'Last report of the edge. Every ten seconds it reports tunnels whose figures have changed.',
  ),
});

export const sessionResource = z.strictObject({
  id,
  trafficManagerId: id,
  trafficManager: z
    .strictObject({ managerId: z.string(), name: z.string(), clusterId: z.string() })
    .describe('Traffic manager of the session.'),
  kind: tunnelKind,
  state: state.describe(
    'State of the session. A disconnected session resumes if its traffic manager reconnects in time.',
  ),
  apiKeyId: id.nullable().describe('Key of the most recent tunnel; null if a program opened it.'),
  programId: id
    .nullable()
    .describe(
      "Program that opened the most recent tunnel; null for a key, and after the program's access has " +
        'ended.',
    ),
  userId: id.nullable().describe('Person for whom the program acts; null for a key.'),
  edgeId: z.string().describe('Edge that holds the most recent tunnel.'),
  remoteAddress: z.string(),
  version: z.string(),
  tunnels: z
    .array(tunnel)
    .max(100)
    .describe(
      'Open tunnels, newest first, at most 100. A traffic manager keeps several, to different edges.',
    ),
  tunnelCount: z.int().describe('Number of open tunnels.'),
  wantedTunnelCount: z
    .int()
    .nullable()
    .describe(
      'Number of tunnels that the traffic manager keeps if it can, each to another edge. It has fewer while there ' +
        'are not enough edges, or one is out of reach. Null: it does not say, or the deployment has one edge only.',
    ),
  streamCount: z
    .int()
    .describe('Number of open streams on all tunnels, at the last report of each edge, every ten seconds.'),
  roundTripMs: z
    .number()
    .nullable()
    .describe(
      'Round-trip time to the traffic manager in milliseconds, on the newest tunnel; null before it is ' +
        'measured, and without a tunnel. It is measured repeatedly on a native tunnel, and once on a ' +
        'Telepresence tunnel, when it opens.',
    ),
  receivedBytes: z
    .int()
    .describe(
      'Bytes received from the traffic manager since the session began, on all tunnels, at the last reports.',
    ),
  sentBytes: z
    .int()
    .describe(
      'Bytes sent to the traffic manager since the session began, on all tunnels, at the last reports.',
    ),
  connectedAt: timestamp,
  lastSeenAt: timestamp.describe(
    'While tunnels are open: when one of their edges was last seen, which is every ten seconds. Otherwise: when ' +
      'the last tunnel closed, or its edge was last seen.',
  ),
  disconnectedAt: timestamp.nullable().describe('When the last tunnel closed; null while tunnels are open.'),
  endedAt: timestamp.nullable(),
  endReason: z.string().nullable(),
});
export type SessionResource = z.output<typeof sessionResource>;

export const sessionPage = pageOf(sessionResource);
