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

export const sessionResource = z.strictObject({
  id,
  trafficManagerId: id,
  trafficManager: z
    .strictObject({ managerId: z.string(), name: z.string(), clusterId: z.string() })
    .describe('Whose session it is.'),
  kind: tunnelKind,
  state: state.describe('A disconnected session resumes when its traffic manager is back in time.'),
  apiKeyId: id.nullable().describe('The key of the most recent tunnel; null when a program opened it.'),
  programId: id
    .nullable()
    .describe(
      'The program that opened the most recent tunnel; null for a key, and once the program has ended.',
    ),
  userId: id.nullable().describe('The person whose program that is; null for a key.'),
  edgeId: z.string().describe('The edge that holds the most recent tunnel.'),
  remoteAddress: z.string(),
  version: z.string(),
  tunnelCount: z.int().describe('Open now.'),
  streamCount: z.int().describe('Open at the last report of its edge, every ten seconds.'),
  roundTripMs: z
    .number()
    .nullable()
    .describe(
      'Milliseconds to the traffic manager and back, on the newest tunnel; null before it is measured, and without a ' +
        "tunnel. On a native tunnel it is measured again and again, on one of Telepresence's when the tunnel opens.",
    ),
  receivedBytes: z.int().describe('From the traffic manager since the session began, at the last report.'),
  sentBytes: z.int().describe('To the traffic manager since the session began, at the last report.'),
  connectedAt: timestamp,
  lastSeenAt: timestamp,
  disconnectedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  endReason: z.string().nullable(),
});
export type SessionResource = z.output<typeof sessionResource>;

export const sessionPage = pageOf(sessionResource);
