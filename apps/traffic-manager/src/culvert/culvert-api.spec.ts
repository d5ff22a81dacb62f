import { createTestCertificate } from '@culvert/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCulvert } from '../spec/test-culvert.js';
import { createCulvertApi, createHttpClient, CulvertApiError, unlessGone } from './culvert-api.js';

const certificate = createTestCertificate(['127.0.0.1']);
let culvert: TestCulvert;
afterEach(() => culvert.close());

describe('a Culvert with a certificate of its own authority', () => {
  it('is called when CULVERT_CA_FILE holds that authority, like the tunnel', async () => {
    culvert = await TestCulvert.start(certificate);
    culvert.keys.set('cvt_key', { team: 'ours', scopes: [] });
    const trusting = createHttpClient({ ca: certificate.cert });
    const api = createCulvertApi(culvert.url, () => Promise.resolve('cvt_key'), trusting);
    expect((await api.call('getMe')).team?.id).toBe('ours');
  });

  it('is not called without that authority, and the error explains why', async () => {
    culvert = await TestCulvert.start(certificate);
    const api = createCulvertApi(culvert.url, () => Promise.resolve('cvt_key'), createHttpClient());
    await expect(api.call('getMe')).rejects.toThrow(
      /did not answer GET \/api\/v1\/me: .*self-signed certificate/,
    );
    expect(culvert.calls).toEqual([]);
  });
});

describe('an error of Culvert', () => {
  const apiOf = () => createCulvertApi(culvert.url, () => Promise.resolve('cvt_key'), createHttpClient());

  it("names the call, the status and Culvert's detail", async () => {
    culvert = await TestCulvert.start();
    const error: unknown = await apiOf()
      .call('getMe')
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CulvertApiError);
    expect(error).toMatchObject({
      status: 401,
      message: 'GET /api/v1/me: 401 no such key',
      isPassing: false,
    });
  });

  it.each([
    [500, true],
    [503, true],
    [429, true],
    [403, false],
    // A response from a server in between, such as the sign-in page of a network.
    [302, true],
  ])('with status %i is marked as passing: %s', async (status, isPassing) => {
    culvert = await TestCulvert.start();
    culvert.failWith = status;
    await expect(apiOf().call('getMe')).rejects.toMatchObject({ isPassing });
  });

  it('is not thrown when the thing to delete is missing, but is for every other failure', async () => {
    culvert = await TestCulvert.start();
    culvert.failWith = 404;
    await unlessGone(apiOf().call('deleteIntercept', { interceptId: 'a' }));
    culvert.failWith = 409;
    await expect(unlessGone(apiOf().call('deleteIntercept', { interceptId: 'a' }))).rejects.toThrow('409');
  });
});
