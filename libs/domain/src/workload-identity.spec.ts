import { describe, expect, it } from 'vitest';
import { checkConditions, endsTokens, foreignJobClaim, problemOfConditions } from './workload-identity.js';

const condition = (claim: string, ...values: string[]) => ({ claim, values });

describe('problemOfConditions', () => {
  it.each([
    ['github', condition('repository', 'acme/shop')],
    ['github', condition('repository', 'acme/*', 'acme-labs/shop')],
    ['github', condition('repository_owner', 'acme')],
    ['github', condition('repository_id', '123')],
    ['github', condition('sub', 'repo:acme/shop:**')],
    ['github', condition('sub', 'repository_owner:acme:environment:preview')],
    ['gitlab', condition('project_path', 'acme/group/*')],
    ['gitlab', condition('namespace_path', 'acme')],
    ['gitlab', condition('namespace_path', 'acme/**')],
    ['gitlab', condition('sub', 'project_path:acme/shop:ref_type:branch:ref:main')],
    ['other', condition('sub', 'organization:acme:pipeline:**')],
    ['other', condition('sub', 'a-program')],
  ] as const)('accepts a rule for %s with %j', (platform, one) => {
    expect(problemOfConditions(platform, [condition('ref', '**'), one])).toBeNull();
  });

  it.each([
    ['github', condition('ref', 'refs/heads/main')],
    ['github', condition('repository', '*/shop')],
    ['github', condition('repository', 'acme*/shop')],
    ['github', condition('repository', '**')],
    ['github', condition('repository', 'acme/shop', '**')],
    ['github', condition('repository', 'acme/')],
    ['github', condition('repository_owner', 'acme*')],
    ['github', condition('sub', 'repo:*/shop:**')],
    ['github', condition('sub', 'repo:acme*/shop:**')],
    ['github', condition('sub', '**')],
    ['github', condition('project_path', 'acme/shop')],
    ['gitlab', condition('namespace_path', 'acme*')],
    ['gitlab', condition('sub', 'project_path:*/shop:**')],
    ['gitlab', condition('repository', 'acme/shop')],
    ['other', condition('sub', '**')],
    ['other', condition('sub', 'o**')],
    ['other', condition('sub', 'organization:**')],
    ['other', condition('sub', 'organization:a*:pipeline:x')],
    ['other', condition('email', 'a@example.com')],
    ['github', condition('constructor', 'acme/shop')],
  ] as const)('refuses a rule for %s that only has %j', (platform, one) => {
    expect(problemOfConditions(platform, [one])).toMatch(/could sign in otherwise$/);
  });
});

describe('checkConditions', () => {
  it('accepts one of the values of each condition', () => {
    const checked = checkConditions([condition('ref', 'a', 'b'), condition('n', '7')], { ref: 'b', n: 7 });
    expect(checked.map(({ matches }) => matches)).toEqual([true, true]);
  });

  it.each([[undefined], [null], [['acme/shop']], [{ a: 1 }]])(
    'does not match a claim whose value is %j',
    (value) => {
      const [checked] = checkConditions([condition('repository', '**')], { repository: value });
      expect(checked).toMatchObject({ actual: null, matches: false });
    },
  );

  it('reads no claim from the prototype of objects', () => {
    expect(checkConditions([condition('toString', '**')], {})).toMatchObject([{ matches: false }]);
  });
});

describe('foreignJobClaim', () => {
  const pipeline = { project_path: 'acme/shop', project_id: '7' };
  it.each([
    [null, 'gitlab', pipeline],
    [null, 'gitlab', { ...pipeline, job_project_path: 'acme/shop', job_project_id: 7 }],
    ['job_project_path', 'gitlab', { ...pipeline, job_project_path: 'evil/shop' }],
    ['job_project_id', 'gitlab', { ...pipeline, job_project_id: '8' }],
    ['job_project_path', 'gitlab', { ...pipeline, job_project_path: null }],
    [null, 'github', { ...pipeline, job_project_path: 'evil/shop' }],
  ] as const)('is %s at %s for %j', (expected, platform, claims) => {
    expect(foreignJobClaim(platform, claims)).toBe(expected);
  });
});

describe('endsTokens', () => {
  it('keeps tokens only if nothing but the name changes', () => {
    expect(endsTokens({ name: 'a' })).toBe(false);
    expect(endsTokens({ name: 'a', isEnabled: false })).toBe(true);
    expect(endsTokens({ scopes: [] })).toBe(true);
  });
});
