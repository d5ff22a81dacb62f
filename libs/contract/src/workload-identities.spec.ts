import { describe, expect, it } from 'vitest';
import { usualConditions } from './workload-identities.js';

describe('usualConditions', () => {
  it('are those on the claims of GitHub', () => {
    const all = { repository: 'acme/shop', branch: 'main', environment: 'preview', event: 'push' };
    expect(usualConditions('github', all)).toEqual([
      { claim: 'repository', values: ['acme/shop'] },
      { claim: 'ref', values: ['refs/heads/main'] },
      { claim: 'environment', values: ['preview'] },
      { claim: 'event_name', values: ['push'] },
    ]);
  });

  it('are those on the claims of GitLab, where a tag can have the name of a branch', () => {
    const all = { repository: 'acme/shop', branch: 'main', environment: 'preview', event: 'push' };
    expect(usualConditions('gitlab', all)).toEqual([
      { claim: 'project_path', values: ['acme/shop'] },
      { claim: 'ref', values: ['main'] },
      { claim: 'ref_type', values: ['branch'] },
      { claim: 'environment', values: ['preview'] },
      { claim: 'pipeline_source', values: ['push'] },
    ]);
  });

  it.each(['github', 'gitlab'] as const)('leave out what is not given at %s', (platform) => {
    const given = { repository: 'acme/shop', branch: '', environment: undefined };
    expect(usualConditions(platform, given)).toHaveLength(1);
    expect(usualConditions(platform, {})).toEqual([]);
  });
});
