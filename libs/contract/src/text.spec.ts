import { describe, expect, it } from 'vitest';
import { createApiKeyRequest, updateApiKeyRequest } from './api-keys.js';
import { createInterceptRequest } from './intercepts.js';
import { pageQuery } from './page.js';
import { createPreviewTokenRequest, createShareLinkRequest } from './preview-credentials.js';
import { createTeamRequest, updateTeamRequest } from './team.js';
import { mintKeyRequest } from './telepresence.js';
import { name, visibleName } from './text.js';
import { createTrafficManagerRequest, updateTrafficManagerRequest } from './traffic-managers.js';

const RIGHT_TO_LEFT = '\u202e';
const UNSEEN = {
  'a right-to-left override': RIGHT_TO_LEFT,
  'an isolate': '\u2066',
  'a left-to-right mark': '\u200e',
  'an Arabic letter mark': '\u061c',
  'a zero-width space': '\u200b',
  'a zero-width non-joiner': '\u200c',
  'a zero-width joiner': '\u200d',
  'a word joiner': '\u2060',
  'a byte order mark': '\ufeff',
  'a soft hyphen': '\u00ad',
  'a filler': '\u3164',
  'a variation selector': '\ufe0f',
  'a tag': '\u{e0061}',
};

describe('a name that people see', () => {
  it.each(Object.entries(UNSEEN))('refuses %s', (_what, character) => {
    expect(name(128).safeParse(`ci${character}x`).success).toBe(false);
    // Some of them count as space at the end and are trimmed.
    expect(name(128).safeParse(`ci${character}`).data ?? 'ci').toBe('ci');
    expect(visibleName(`ci${character}x`)).toBe('cix');
  });

  it.each(['CI of the shop', 'Łódź', '日本語', 'عربي', '❤️ prod', '👩‍💻 laptop', '👍🏽', '🇩🇪', 'é'])(
    'takes %s',
    (text) => {
      expect(name(128).parse(text)).toBe(text);
      expect(visibleName(text)).toBe(text);
    },
  );

  const named = 'ci' + RIGHT_TO_LEFT;
  const intercept = { trafficManagerId: 'x', name: 'x', workload: 'x', namespace: 'x' };
  it.each([
    ['an API key', createApiKeyRequest, { name: named }],
    ['a changed API key', updateApiKeyRequest, { name: named }],
    ['a team', createTeamRequest, { name: named }],
    ['a changed team', updateTeamRequest, { name: named }],
    ['a share link', createShareLinkRequest, { name: named }],
    ['a preview token', createPreviewTokenRequest, { name: named }],
    ['a traffic manager', createTrafficManagerRequest, { managerId: 'x', name: named }],
    ['the id of a traffic manager', createTrafficManagerRequest, { managerId: named }],
    ['a cluster', createTrafficManagerRequest, { managerId: 'x', clusterId: named }],
    ['a changed traffic manager', updateTrafficManagerRequest, { name: named }],
    ['a key of Telepresence', mintKeyRequest, { description: named }],
    ['the client of an intercept', createInterceptRequest, { ...intercept, client: named }],
  ])('is the kind of name that %s has', (_what, schema, body) => {
    expect(schema.safeParse(body).success).toBe(false);
    const plain = JSON.parse(JSON.stringify(body).replaceAll(RIGHT_TO_LEFT, '')) as object;
    expect(schema.safeParse(plain).success).toBe(true);
  });
});

describe('a cursor', () => {
  it('is base64url, as documented', () => {
    expect(pageQuery.safeParse({ cursor: 'MTIz_-' }).success).toBe(true);
    for (const cursor of ['', 'a b', 'a=', 'ä', '\n'])
      expect(pageQuery.safeParse({ cursor }).success).toBe(false);
  });
});
