import { updatePreviewRequest } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../command.js';
import { TestStream } from '../spec/test-terminal.js';
import { changeOf, type UpdateFlags } from './update-preview.js';

const ingress = {
  host: 'web.shop',
  port: 80,
  useTls: false,
  l5Host: 'web.shop',
  verifyTls: true,
  protocol: 'http1',
  addressedAs: 'l5host',
};

/** Returns the flags that the command line gives to `preview update`. */
async function flagsOf(...argv: string[]): Promise<UpdateFlags> {
  let flags: UpdateFlags = {};
  const streams = { stdout: new TestStream(), stderr: new TestStream() };
  const program = createProgram(
    () =>
      async (...given) =>
        void (flags = given[1] as UpdateFlags),
    streams,
  );
  await program.parseAsync(['preview', 'update', 'k3v9', ...argv], { from: 'user' });
  return flags;
}
const keep = { count: 7, hours: 9 };
const change = async (...argv: string[]) => changeOf({ ingress, keep }, await flagsOf(...argv));

describe('preview update', () => {
  it.each([
    [['--access', 'public'], { access: 'public' }],
    [['--allow-email', 'a@b.de', '--allow-email', 'c@d.de'], { allowedEmails: ['a@b.de', 'c@d.de'] }],
    [['--no-allow-email', '--no-allow-domain'], { allowedEmails: [], allowedDomains: [] }],
    [['--allow-domain', 'b.de'], { allowedDomains: ['b.de'] }],
    [['--banner'], { displayBanner: true }],
    [['--no-banner'], { displayBanner: false }],
    [['--allow-upgrades'], { allowUpgrades: true }],
    [['--no-allow-upgrades'], { allowUpgrades: false }],
    [['--pull-request', 'https://git.example/1'], { pullRequestUrl: 'https://git.example/1' }],
    [['--no-pull-request'], { pullRequestUrl: null }],
    [['--add-request-header', 'X-A=1'], { addRequestHeaders: { 'x-a': '1' } }],
    [['--no-add-request-header'], { addRequestHeaders: {} }],
    [['--expires', 'never'], { expiresAt: null }],
    [['--idle-expires', 'never'], { idleExpirySeconds: 0 }],
    [['--idle-expires', 'team'], { idleExpirySeconds: null }],
    [['--idle-expires', '1h'], { idleExpirySeconds: 3600 }],
    [['--ends-with-session'], { endsWithSession: true }],
    [['--no-ends-with-session'], { endsWithSession: false }],
    [['--keep', '200', '--keep-for', '24h'], { keep: { count: 200, hours: 24 } }],
    [['--keep', '200'], { keep: { count: 200, hours: 9 } }],
    [['--keep-for', '2d'], { keep: { count: 7, hours: 48 } }],
    [['--no-keep'], { keep: null }],
  ])('sends only the fields of the flags %j', async (argv, body) => {
    expect(await change(...argv)).toEqual(body);
  });

  it('keeps the fields of the ingress that no flag names, and lets the Host header follow the host', async () => {
    expect(await change('--ingress-port', '8080')).toEqual({ ingress: { ...ingress, port: 8080 } });
    expect(await change('--ingress-host', 'api.shop', '--ingress-tls', '--no-ingress-verify')).toEqual({
      ingress: { ...ingress, host: 'api.shop', l5Host: 'api.shop', useTls: true, verifyTls: false },
    });
    const own = { ...ingress, l5Host: 'public.example' };
    expect(changeOf({ ingress: own, keep }, await flagsOf('--ingress-host', 'api.shop'))).toEqual({
      ingress: { ...own, host: 'api.shop' },
    });
  });

  it('has a flag for every field that the API can change', async () => {
    const everything = await change(
      ...'--access team --allow-email a@b.de --allow-domain b.de --banner --allow-upgrades'.split(' '),
      ...'--pull-request https://git.example/1 --add-request-header x-a=1 --expires 1h'.split(' '),
      ...'--idle-expires 1h --ends-with-session --ingress-protocol h2c --keep 5'.split(' '),
    );
    expect(Object.keys(everything).toSorted()).toEqual(Object.keys(updatePreviewRequest.shape).toSorted());
  });
});
