import http from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { API_KEY, type Deployment, startDeployment } from '../support/deployment.js';

/** As many streams as one key may have open. */
const MAX_STREAMS = 20;

let deployment: Deployment;

beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment?.stop());

/** Opens the event stream, and leaves it as a browser does that goes to another page. */
function comeAndGo(): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      {
        host: '127.0.0.1',
        port: deployment.port,
        path: '/api/v1/events',
        agent: false,
        headers: { authorization: `Bearer ${API_KEY}` },
      },
      (response) => {
        // What follows the answer is that it was left.
        response.on('error', () => {});
        response.once('data', () => {
          request.destroy();
          resolve(response.statusCode!);
        });
      },
    );
    request.on('error', reject);
  });
}

/**
 * Streams were never given up: in standalone the application is reached through a pair of streams in the process, of
 * which one did not hear that the other was destroyed. After twenty pages a person had no events any more.
 */
it('gives up a stream whose reader has gone, so that the next one is served', async () => {
  // That one has gone takes a moment to be known.
  for (let i = 0; i < 2 * MAX_STREAMS; i++) await expect.poll(comeAndGo, { timeout: 5000 }).toBe(200);
});
