import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import zlib from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { bannerHtml } from './banner-html.js';
import { Banners, MAX_CODED_PAGES } from './banners.js';
import { type Rig, startRig } from './spec/page-rig.js';

/** Pages of a service that pass through the relay. */
let rig: Rig;
afterEach(async () => rig.stop());

const DEFINITION = {
  workload: 'web',
  namespace: 'shop',
  client: 'jo',
  pullRequestUrl: null,
  isKept: false,
  scheme: 'https',
} as const;
const BANNER = bannerHtml(DEFINITION, { by: 'form', isRemembered: true });
const PAGE = '<!doctype html><title>t</title><body>hello';
const WITH_BANNER = `<!doctype html><title>t</title><body>${BANNER}hello`;
const BROWSER = {
  accept: 'text/html,*/*;q=0.8',
  'sec-fetch-dest': 'document',
  'accept-encoding': 'gzip, br, zstd',
};

async function start(handle: http.RequestListener): Promise<void> {
  rig = await startRig(handle, new Banners().filterFor(DEFINITION));
}

const page =
  (fields: http.OutgoingHttpHeaders = {}, body: string | Buffer = PAGE, status = 200): http.RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'text/html', ...fields }).end(body);

const visit = (headers: Record<string, string> = BROWSER, method = 'GET') => rig.fetch({ headers, method });

describe('a page with a banner', () => {
  it('has it behind its body tag, and no headers that are no longer true', async () => {
    await start(
      page({
        'content-length': PAGE.length,
        etag: '"1"',
        'accept-ranges': 'bytes',
        'content-md5': 'x',
        digest: 'x',
        'repr-digest': 'x',
        'content-security-policy': "default-src 'none'; img-src 'self'",
        'x-kept': 'yes',
      }),
    );
    const { body, headers } = await visit();
    expect(body).toBe(WITH_BANNER);
    expect(headers).toMatchObject({
      'transfer-encoding': 'chunked',
      vary: 'Sec-Fetch-Dest, Cookie',
      'x-kept': 'yes',
    });
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; img-src 'self'; style-src-elem 'sha256-/,
    );
    for (const name of ['content-length', 'etag', 'accept-ranges', 'content-md5', 'digest', 'repr-digest']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('says on every page that requests are kept, also to visitors who have closed the banner', async () => {
    rig = await startRig(page(), new Banners().filterFor({ ...DEFINITION, isKept: true }));
    const { body } = await visit({ ...BROWSER, cookie: '__Host-culvert-banner=closed' });
    expect(body).toContain('The team keeps a record of requests.');
    // Closing it is not reported, so that it is not remembered.
    expect(body).not.toContain('<i></i>');
  });

  it('serves the next request on the same connections', async () => {
    await start((request, response) => {
      response.setHeader('x-port', String(request.socket.remotePort));
      page()(request, response);
    });
    const first = await visit();
    const second = await visit();
    expect(second.body).toBe(WITH_BANNER);
    expect(second.headers['x-port']).toBe(first.headers['x-port']);
  });

  it.each([
    ['gzip', zlib.gzipSync, zlib.gunzipSync],
    ['br', zlib.brotliCompressSync, zlib.brotliDecompressSync],
    ['deflate', zlib.deflateSync, zlib.inflateSync],
    ['deflate', zlib.deflateRawSync, zlib.inflateSync],
  ] as const)('stays compressed with %s', async (coding, pack, unpack) => {
    const long = PAGE + '<p>text</p>'.repeat(50_000);
    await start(page({ 'content-encoding': coding }, pack(long)));
    const { body, headers } = await visit();
    expect(headers['content-encoding']).toBe(coding);
    expect(unpack(Buffer.from(body, 'latin1')).toString()).toBe(long.replace('<body>', `<body>${BANNER}`));
  });

  it.each(['identity', 'gzip', 'br'] as const)(
    'streams: first bytes leave before the last come (%s)',
    async (coding) => {
      let finish = (): void => {};
      await start((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': coding });
        const encoder =
          coding === 'gzip' ? zlib.createGzip() : coding === 'br' ? zlib.createBrotliCompress() : null;
        encoder?.pipe(response);
        const out = encoder ?? response;
        out.write('<body>first');
        encoder?.flush();
        finish = () => void out.end('last');
      });
      const request = http.get({ port: rig.port, headers: { host: 'demo.preview.test', ...BROWSER } });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const decoder =
        coding === 'gzip' ? zlib.createGunzip() : coding === 'br' ? zlib.createBrotliDecompress() : null;
      const body = decoder === null ? response : response.pipe(decoder);
      let text = '';
      for await (const chunk of body) {
        text += String(chunk);
        if (text === `<body>${BANNER}first`) finish();
      }
      expect(text).toBe(`<body>${BANNER}firstlast`);
    },
  );

  it('also reaches visitors with HTTP/2 and HTTP/1.0', async () => {
    await start(page({ 'content-encoding': 'gzip' }, zlib.gzipSync(PAGE)));
    const session = http2.connect(`http://127.0.0.1:${rig.http2Port}`);
    const stream = session.request({ ':authority': 'demo.preview.test', ':scheme': 'http', ...BROWSER });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end');
    session.close();
    expect(zlib.gunzipSync(Buffer.concat(chunks)).toString()).toBe(WITH_BANNER);
  });

  it.each([
    [{}, 'form', true],
    [{ 'content-security-policy': "default-src 'none'" }, 'form', false],
    [{ 'content-security-policy': "img-src 'self', default-src 'none'" }, 'form', false],
    [{ 'content-security-policy-report-only': "img-src 'none'" }, 'form', false],
    [{ 'content-security-policy': 'sandbox' }, 'command', false],
    [{ 'content-security-policy': 'sandbox allow-same-origin' }, 'command', true],
    [{ 'content-security-policy-report-only': 'sandbox allow-same-origin' }, 'form', true],
  ] as const)(
    'under %j closes by %s, and that it was closed is remembered: %s',
    async (fields, by, isRemembered) => {
      await start(page(fields));
      const banner = bannerHtml(DEFINITION, { by, isRemembered });
      expect((await visit()).body).toBe(`<!doctype html><title>t</title><body>${banner}hello`);
    },
  );

  // Over https, neighboring hosts can set a cookie of a name without the prefix.
  it('has it for visitors with a cookie of another name', async () => {
    await start(page());
    for (const cookie of [
      'culvert-banner=closed',
      'x__Host-culvert-banner=closed',
      'a=__Host-culvert-banner',
    ])
      expect((await visit({ ...BROWSER, cookie })).body).toBe(WITH_BANNER);
  });

  it('asks the service only for readable codings, and without conditions', async () => {
    await start((request, response) => void response.end(JSON.stringify(request.headers)));
    const conditions = { 'if-none-match': '"1"', 'if-modified-since': 'x' };
    const navigation = JSON.parse((await visit({ ...BROWSER, ...conditions })).body);
    expect(navigation).toMatchObject({ 'accept-encoding': 'gzip, br' });
    expect(navigation).not.toHaveProperty('if-none-match');
    expect(navigation).not.toHaveProperty('if-modified-since');
    const script = { ...BROWSER, ...conditions, 'sec-fetch-dest': 'empty' };
    expect(JSON.parse((await visit(script)).body)).toMatchObject({
      ...conditions,
      'accept-encoding': 'gzip, br, zstd',
    });
  });

  it('answers HEAD like GET', async () => {
    await start(page({ 'content-length': PAGE.length, etag: '"1"' }));
    const { headers, body } = await visit(BROWSER, 'HEAD');
    expect(body).toBe('');
    expect(headers).not.toHaveProperty('content-length');
    expect(headers).not.toHaveProperty('etag');
  });

  it('is a 502 when its coding does not match its head', async () => {
    await start(page({ 'content-encoding': 'gzip' }));
    expect(await visit()).toMatchObject({ status: 502, headers: { 'x-culvert-error': 'bad_response' } });
  });

  it('releases everything when the visitor leaves in the middle', async () => {
    await start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' });
      response.write(zlib.gzipSync(PAGE));
    });
    // More pages than may be unpacked at once: the last one needs what earlier ones released.
    for (let i = 0; i <= MAX_CODED_PAGES; i++) {
      const request = http.get({ port: rig.port, headers: { host: 'demo.preview.test', ...BROWSER } });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      expect(response.headers.vary).toBe('Sec-Fetch-Dest, Cookie');
      response.destroy();
      await rig.whenServiceSeesAbort();
    }
  });
});

describe('the banner filter', () => {
  it.each([
    ['another type', { 'content-type': 'application/json' }],
    ['XHTML', { 'content-type': 'application/xhtml+xml' }],
    ['UTF-16', { 'content-type': 'text/html; charset=UTF-16' }],
    ['an encoding with states', { 'content-type': 'text/html; charset="iso-2022-jp"' }],
    ['a download', { 'content-disposition': 'attachment; filename=a.html' }],
    ['what must not be transformed', { 'cache-control': 'public, no-transform' }],
    ['a coding that was not requested', { 'content-encoding': 'zstd' }],
    ['two codings', { 'content-encoding': 'gzip, br' }],
  ])('leaves %s unchanged', async (_what, fields) => {
    await start(page({ etag: '"1"', 'content-length': PAGE.length, ...fields }));
    const { body, headers } = await visit();
    expect(body).toBe(PAGE);
    expect(headers).toMatchObject({ etag: '"1"', 'content-length': String(PAGE.length) });
  });

  it.each([206, 302, 304, 204])('leaves a response of status %i unchanged', async (status) => {
    const body = status === 206 || status === 302 ? PAGE : '';
    await start(page({ etag: '"1"' }, body, status));
    const response = await visit();
    expect(response.body).toBe(body);
    expect(response.headers.etag).toBe('"1"');
  });

  it.each([
    ['scripts', { ...BROWSER, 'sec-fetch-dest': 'empty' }],
    ['frames', { ...BROWSER, 'sec-fetch-dest': 'iframe' }],
    ['programs', { accept: '*/*' }],
    ['scripts without Sec-Fetch', { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' }],
    ['an unknown program', {}],
  ])('leaves a page for %s unchanged', async (_who, headers) => {
    await start(page({ etag: '"1"' }));
    const response = await visit(headers);
    expect(response.body).toBe(PAGE);
    expect(response.headers.etag).toBe('"1"');
  });

  it('leaves a page unchanged for visitors who closed the banner, and their request except for that cookie', async () => {
    await start((request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', etag: '"2"', vary: 'X' });
      response.end(JSON.stringify(request.headers));
    });
    const conditions = { 'if-none-match': '"1"', 'accept-encoding': 'zstd' };
    const cookie = 'a=1; __Host-culvert-banner=closed';
    const { body, headers } = await visit({ ...BROWSER, ...conditions, cookie });
    expect(JSON.parse(body)).toMatchObject({ ...conditions, cookie: 'a=1' });
    expect(headers).toMatchObject({ etag: '"2"', vary: 'X' });
  });

  it('leaves a page of a preview without a banner unchanged', async () => {
    rig = await startRig(page(), null);
    expect((await visit()).body).toBe(PAGE);
  });
});
