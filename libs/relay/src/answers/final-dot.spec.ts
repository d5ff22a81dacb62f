import { afterEach, describe, expect, it } from 'vitest';
import { startRig, type Rig } from '../spec/relay-rig.js';

let rig: Rig;
afterEach(async () => rig.stop());

const DOTTED = 'demo.preview.test.:8080';

describe('a host with a final dot', () => {
  it('is treated as the same host for programs', async () => {
    rig = await startRig((request, response) => response.end(String(request.headers['x-forwarded-host'])));
    for (const host of ['demo.preview.test.', DOTTED, 'demo.preview.test:'])
      expect(await rig.fetch('/', { host })).toMatchObject({ status: 200 });
    expect((await rig.fetch('/', { host: DOTTED })).body).toBe('demo.preview.test:8080');
    expect((await rig.fetch('/', { host: 'demo.preview.test..' })).status).toBe(404);
  });

  it('is redirected for people, because browsers give it cookies of its own', async () => {
    rig = await startRig((_request, response) => response.end('page'));
    const headers = { accept: 'text/html' };
    const { status, headers: answered } = await rig.fetch('/a?b=c', { host: DOTTED, headers });
    expect([status, answered.location]).toEqual([308, '//demo.preview.test:8080/a?b=c']);
    expect((await rig.fetch('/', { host: DOTTED, headers, method: 'POST' })).status).toBe(200);
    const script = { ...headers, 'sec-fetch-dest': 'empty' };
    expect((await rig.fetch('/', { host: DOTTED, headers: script })).status).toBe(200);
  });
});
