import { ConfigurationError } from '@culvert/runtime';
import { describe, expect, it } from 'vitest';
import { checkClusterSecret, readManagerUrl } from './settings.js';

describe('readManagerUrl', () => {
  it('prefers the given URL to the default of the namespace', () => {
    const env = { TELEPRESENCE_MANAGER_NAMESPACE: 'tools' };
    expect(readManagerUrl('ws://manager:1', env, { isTls: true }).href).toBe('http://manager:1/');
    expect(readManagerUrl(undefined, env, { isTls: false }).href).toBe('http://traffic-manager.tools:8085/');
    expect(readManagerUrl(undefined, {}, { isTls: true }).href).toBe(
      'https://traffic-manager.ambassador:8085/',
    );
  });

  it.each(['ftp://manager', 'manager', 'http://ann@manager', 'http://manager?a=b'])(
    'refuses %s and names the setting',
    (given) => {
      const read = () => readManagerUrl(given, {}, { isTls: false });
      expect(read).toThrow(ConfigurationError);
      expect(read).toThrow(/^CULVERT_MANAGER_URL /);
    },
  );
});

describe('checkClusterSecret', () => {
  it.each(['x'.repeat(16), 'x'.repeat(512), '!'.repeat(20)])('accepts a secret that fits', (secret) => {
    expect(checkClusterSecret(secret)).toBe(secret);
  });

  it.each(['x'.repeat(15), 'x'.repeat(513), 'with a space in it', 'ümlaut-ümlaut-ümlaut'])(
    'refuses %j without quoting it',
    (secret) => {
      const check = () => checkClusterSecret(secret);
      expect(check).toThrow(ConfigurationError);
      expect(check).toThrow(/^CULVERT_CLUSTER_SECRET (?!.*x{15}|.*space|.*ümlaut)/);
    },
  );
});
