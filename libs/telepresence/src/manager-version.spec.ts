import { expect, it } from 'vitest';
import { takesPreviewRemoval } from './manager-version.js';

it.each(['v2.0.0', 'v2.1.5', '2.3.7', 'v2.4.11', 'v2.5.0', 'v2.5.8'])(
  'takesPreviewRemoval is true for a release that obeys (%s)',
  (version) => expect(takesPreviewRemoval(version)).toBe(true),
);

it.each([
  'v2.6.0',
  'v2.6.8',
  'v2.7.6',
  'v2.8.0',
  'v2.8.1',
  'v2.8.2',
  'v2.9.5',
  'v2.14.0',
  'v3.0.0',
  'v1.9.9',
])('takesPreviewRemoval is false for a release that dies or refuses (%s)', (version) =>
  expect(takesPreviewRemoval(version)).toBe(false),
);

it.each([
  '',
  'v2',
  'v2.5',
  'v2.5.9',
  'v2.5.6-podd.0',
  'v2.6.0-rc.1',
  'v2.5.8 ',
  'v2.5.8\nv2.6.0',
  '2.05e1.8',
  'unknown',
])('takesPreviewRemoval is false for a version that is not known (%j)', (version) =>
  expect(takesPreviewRemoval(version)).toBe(false),
);
