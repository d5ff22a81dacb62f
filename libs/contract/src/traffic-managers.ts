import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { id, name as nameText, optionalName, timestamp } from './text.js';

const MAX_LENGTH = 128;

const name = optionalName(MAX_LENGTH).describe('Name that people see.');

export const createTrafficManagerRequest = z.strictObject({
  managerId: nameText(MAX_LENGTH).describe(
    'ID that the process chooses for itself, the same after every restart.',
  ),
  name: name.default(''),
  clusterId: optionalName(MAX_LENGTH).default('').describe('Cluster in which it runs.'),
});
export type CreateTrafficManagerRequest = z.output<typeof createTrafficManagerRequest>;

export const updateTrafficManagerRequest = changeOf(z.strictObject({ name }));
export type UpdateTrafficManagerRequest = z.output<typeof updateTrafficManagerRequest>;

export const trafficManagerResource = z.strictObject({
  id,
  managerId: z.string(),
  kind: z
    .enum(['native', 'telepresence'])
    .describe(
      'Protocol of the traffic manager. A Telepresence traffic manager has a new managerId after each ' +
        'restart.',
    ),
  name: z.string(),
  clusterId: z.string(),
  version: z.string().describe('Version of the program at its last registration, or empty.'),
  lastSeenAt: timestamp
    .nullable()
    .describe(
      'While it has tunnels: when one of their edges was last seen, which is every ten seconds. Otherwise: when ' +
        'the last tunnel closed, or its edge was last seen. Null: it never connected.',
    ),
  createdAt: timestamp,
});
export type TrafficManagerResource = z.output<typeof trafficManagerResource>;

export const trafficManagerPage = pageOf(trafficManagerResource);
