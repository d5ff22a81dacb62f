import { ERROR_CODES, ERRORS, buildOpenApiDocument, problemDescription } from '@culvert/contract';
import type { Store } from '@culvert/domain';
import type { Response } from 'superagent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi } from '../../spec/api-harness.js';

/** These tests do not use the database. */
const NO_STORE = { close: async () => {} } as Store;

describe('the documentation', () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await TestApi.start({ store: NO_STORE });
  });
  afterAll(() => api.close());

  it('has the OpenAPI document', async () => {
    const response = await api.http().get('/api/openapi.json');
    expect([response.status, response.headers['content-type']]).toEqual([
      200,
      'application/json; charset=utf-8',
    ]);
    expect(response.body).toEqual(buildOpenApiDocument());
  });

  it('is a page that loads only our own files, and runs scripts only from files', async () => {
    const page = await api.http().get('/api/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = page.headers['content-security-policy'] ?? '';
    expect(policy).toMatch(/default-src 'none'; script-src 'self';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.text).not.toMatch(/<script>|https?:|\son\w+=/);

    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(files).toHaveLength(4);
    for (const path of files) {
      const file = await api.http().get(path).buffer(true).parse(countBytes);
      expect([path, file.status]).toEqual([path, 200]);
      expect(file.body).toBeGreaterThan(50);
      expect(file.headers['x-content-type-options']).toBe('nosniff');
    }
    const script = await api.http().get('/api/docs/swagger-ui-bundle.js').buffer(true).parse(countBytes);
    expect(script.headers['content-type']).toContain('text/javascript');
  });

  it.each(['index.html', 'package.json', '..%2Fpackage.json', '%2e%2e%2fpackage.json', 'swagger-ui.js'])(
    'serves nothing else of the package: %s',
    async (file) => {
      const response = await api.http().get(`/api/docs/${file}`);
      expect([response.status, response.body.code]).toEqual([404, 'not_found']);
    },
  );

  it.each(ERROR_CODES)('explains %s', async (code) => {
    const response = await api.http().get(`/api/problems/${code}`);
    expect(problemDescription.parse(response.body)).toEqual({ code, ...ERRORS[code] });
  });

  it.each(['nothing', 'constructor', '__proto__'])('does not explain %s', async (code) => {
    expect((await api.http().get(`/api/problems/${code}`)).status).toBe(404);
  });
});

/** A parser for superagent, which passes the stream that its types call a response. */
function countBytes(response: Response, done: (error: Error | null, bytes: number) => void): void {
  const stream = response as unknown as NodeJS.ReadableStream;
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  stream.on('end', () => done(null, bytes));
}
