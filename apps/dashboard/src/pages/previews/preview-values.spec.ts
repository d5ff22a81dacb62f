import { describe, expect, it } from 'vitest';
import { ApiProblem } from '../../api/problem.js';
import type { Preview } from '../../api/previews.js';
import { errorsOf, NEW_PREVIEW, toChange, toCreation, validate, valuesOf } from './preview-values.js';

const PREVIEW: Preview = {
  id: '1',
  hostname: 'quiet-heron.preview.test',
  url: 'https://quiet-heron.preview.test',
  interceptId: 'i:basket',
  intercept: { name: 'basket', workload: 'basket', namespace: 'shop', client: 'ann@laptop' },
  trafficManagerId: 'm',
  ingress: {
    host: 'web',
    port: 443,
    useTls: true,
    l5Host: 'shop.test',
    verifyTls: false,
    protocol: 'h2',
    addressedAs: 'target',
  },
  access: 'team',
  allowedEmails: ['jo@client.test'],
  allowedDomains: [],
  displayBanner: true,
  allowUpgrades: true,
  pullRequestUrl: null,
  pullRequest: null,
  addRequestHeaders: { 'x-dev': 'ann' },
  expiresAt: '2026-11-25T12:00:30.000Z',
  idleExpirySeconds: 0,
  endsWithSession: false,
  keep: null,
  lastUsedAt: null,
  createdAt: '2026-11-01T12:00:00.000Z',
  updatedAt: '2026-11-01T12:00:00.000Z',
};

describe('the form of a preview', () => {
  it('creates a preview with an intercept named after its workload', () => {
    const values = {
      ...NEW_PREVIEW,
      intercept: { name: '', workload: ' orders ', namespace: 'shop' },
      ingress: { ...NEW_PREVIEW.ingress, host: 'ingress.shop', port: '8080' },
    };
    expect(validate(values)).toEqual({});
    expect(toCreation(values)).toMatchObject({
      intercept: { name: 'orders', workload: 'orders', namespace: 'shop' },
      ingress: { host: 'ingress.shop', port: 8080, useTls: false },
      access: 'team',
      expiresAt: null,
    });
    expect(toCreation(values)).not.toHaveProperty('trafficManagerId');
    expect(toCreation(values).ingress).not.toHaveProperty('l5Host');
  });

  it('shows the settings of a preview, and changes nothing if saved unchanged', () => {
    const { expiresAt: _expiresAt, ...rest } = toChange(PREVIEW, valuesOf(PREVIEW));
    expect(_expiresAt).toBeUndefined();
    expect(rest).toEqual({
      ingress: PREVIEW.ingress,
      access: 'team',
      allowedEmails: ['jo@client.test'],
      allowedDomains: [],
      displayBanner: true,
      allowUpgrades: true,
      pullRequestUrl: null,
      addRequestHeaders: { 'x-dev': 'ann' },
      idleExpirySeconds: 0,
      keep: null,
    });
    expect(toChange(PREVIEW, { ...valuesOf(PREVIEW), expiresAt: '' }).expiresAt).toBeNull();
  });

  it('reports missing fields', () => {
    const values = { ...NEW_PREVIEW, ingress: { ...NEW_PREVIEW.ingress, port: 70_000 }, expiresAt: 'soon' };
    expect(Object.keys(validate(values))).toEqual([
      'intercept.workload',
      'ingress.host',
      'ingress.port',
      'expiresAt',
    ]);
    expect(Object.keys(validate({ ...values, isExisting: true }))).toContain('interceptId');
  });

  it('shows errors of the server at their fields', () => {
    const problem = ApiProblem.from(new Response(null, { status: 400 }), {
      code: 'validation_failed',
      title: 'x',
      errors: [
        { pointer: '/ingress/host', message: 'must be a host' },
        { pointer: '/addRequestHeaders/host', message: 'is refused' },
      ],
    });
    expect(errorsOf(problem)).toEqual({
      'ingress.host': 'Must be a host',
      addRequestHeaders: 'Is refused',
    });
    expect(errorsOf(new Error('x'))).toEqual({});
  });
});
