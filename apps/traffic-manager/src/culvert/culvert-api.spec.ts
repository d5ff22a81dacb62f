import { createFetch } from '@culvert/outbound';
import { createTestCertificate } from '@culvert/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCulvert } from '../spec/test-culvert.js';
import { CulvertApi } from './culvert-api.js';

const certificate = createTestCertificate(['127.0.0.1']);
let culvert: TestCulvert;
afterEach(() => culvert.close());

describe('a Culvert with a certificate of its own authority', () => {
  it('is asked when CULVERT_CA_FILE holds that authority, as the tunnel dials it', async () => {
    culvert = await TestCulvert.start(certificate);
    culvert.keys.set('cvt_key', { team: 'ours', scopes: [] });
    const trusting = createFetch({ ca: certificate.cert, connectTimeoutMs: 5000 });
    const api = new CulvertApi(culvert.url, () => Promise.resolve('cvt_key'), trusting);
    expect((await api.me()).team?.id).toBe('ours');
  });

  it('is not without it, and the reason is told', async () => {
    culvert = await TestCulvert.start(certificate);
    const api = new CulvertApi(culvert.url, () => Promise.resolve('cvt_key'), fetch);
    await expect(api.me()).rejects.toThrow(/did not answer GET \/me: .*self-signed certificate/);
    expect(culvert.calls).toEqual([]);
  });
});
