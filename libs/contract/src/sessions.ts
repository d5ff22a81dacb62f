import { z } from 'zod';
import { pageOf, pageQuery } from './page.js';
import { id, timestamp } from './text.js';

export const SESSION_STATES = ['connected', 'disconnected', 'ended'] as const;

const state = z.enum(SESSION_STATES);

export const sessionQuery = pageQuery.extend({
  trafficManagerId: id.optional().describe('Only sessions of this traffic manager.'),
  state: state.optional().describe('Only sessions in this state.'),
});
export type SessionQuery = z.output<typeof sessionQuery>;

export const sessionResource = z.strictObject({
  id,
  trafficManagerId: id,
  kind: z.enum(['native', 'telepresence']),
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
  tunnelCount: z.int(),
  connectedAt: timestamp,
  lastSeenAt: timestamp,
  disconnectedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  endReason: z.string().nullable(),
});
export type SessionResource = z.output<typeof sessionResource>;

export const sessionPage = pageOf(sessionResource);
