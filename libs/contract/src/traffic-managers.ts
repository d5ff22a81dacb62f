import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { id, name as nameText, optionalName, timestamp } from './text.js';

const MAX_LENGTH = 128;

/**
 * What the manager id of a workstation begins with, where `culvert expose` is the traffic manager of what its machine
 * shows: none of those is meant where a request names no traffic manager.
 */
export const WORKSTATION_PREFIX = 'workstation/';

const name = optionalName(MAX_LENGTH).describe('What people call it.');

export const createTrafficManagerRequest = z.strictObject({
  managerId: nameText(MAX_LENGTH).describe('What the process calls itself, the same after every restart.'),
  name: name.default(''),
  clusterId: optionalName(MAX_LENGTH).default('').describe('Which cluster it runs in.'),
});
export type CreateTrafficManagerRequest = z.output<typeof createTrafficManagerRequest>;

export const updateTrafficManagerRequest = changeOf(z.strictObject({ name }));
export type UpdateTrafficManagerRequest = z.output<typeof updateTrafficManagerRequest>;

export const trafficManagerResource = z.strictObject({
  id,
  managerId: z.string(),
  kind: z
    .enum(['native', 'telepresence'])
    .describe("Which protocol it speaks. One of Telepresence's has a new managerId after each restart."),
  name: z.string(),
  clusterId: z.string(),
  version: z.string().describe('Of the program at its last registration, or empty.'),
  lastSeenAt: timestamp.nullable().describe('Null when it was never connected.'),
  createdAt: timestamp,
});
export type TrafficManagerResource = z.output<typeof trafficManagerResource>;

export const trafficManagerPage = pageOf(trafficManagerResource);
