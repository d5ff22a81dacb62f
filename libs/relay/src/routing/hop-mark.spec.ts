import http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { startRig, type Rig } from '../spec/relay-rig.js';
import { hopMarkOf } from './hop-mark.js';

let rig: Rig;
afterEach(async () => rig.stop());

/** Returns a service that sends its requests back to the edge with any Host, like an ingress that leads to the edge. */
function leadingBack(seen: http.IncomingHttpHeaders[]): http.RequestListener {
  return (request, response) => {
    seen.push(request.headers);
    const headers = { ...request.headers, host: 'demo.preview.test' };
    const again = http.request(
      { host: '127.0.0.1', port: rig.port, path: request.url, headers },
      (answer) => {
        response.writeHead(answer.statusCode!, { 'x-error': String(answer.headers['x-culvert-error']) });
        answer.pipe(response);
      },
    );
    again.end();
  };
}

describe('a request that comes back to its preview', () => {
  it('is refused after one round, with a clear text', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    rig = await startRig(leadingBack(seen));
    const { status, headers, body } = await rig.fetch('/');
    expect([status, headers['x-error'], seen.length]).toEqual([508, 'loop_detected', 1]);
    expect(body).toContain('repeat endlessly');
    expect(rig.route.active).toBe(0);
  });

  it('is refused when it passed others in between, whose marks it keeps', async () => {
    rig = await startRig((request, response) => response.end(String(request.headers['x-culvert-hop'])));
    const [own, other] = [hopMarkOf('p1'), hopMarkOf('p2')];
    const fetch = (hop: string) => rig.fetch('/', { headers: { 'x-culvert-hop': hop } });
    const { status, body } = await fetch(other);
    expect([status, body.split(', ').toSorted()]).toEqual([200, [own, other].toSorted()]);
    expect((await fetch(`${own}, ${other}`)).status).toBe(508);
    expect((await fetch(`${other},${own}`)).status).toBe(508);
  });

  it('is refused when it has more marks than the limit of previews', async () => {
    rig = await startRig((_request, response) => response.end());
    const marks = (count: number) => Array.from({ length: count }, (_, i) => hopMarkOf(String(i))).join(', ');
    expect((await rig.fetch('/', { headers: { 'x-culvert-hop': marks(15) } })).status).toBe(200);
    expect((await rig.fetch('/', { headers: { 'x-culvert-hop': marks(16) } })).status).toBe(508);
  });

  it('has a mark that does not show the id, and is the same at every edge', () => {
    expect(hopMarkOf('p1')).toMatch(/^[\w-]{22}$/);
    expect(new Set(['p1', 'p1', 'p2'].map(hopMarkOf)).size).toBe(2);
  });
});
