import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { keyCredential } from '@culvert/api-client';
import { EdgeFleet } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClientError } from '../client-error.js';
import type { PreviewApi } from './preview-api.js';
import { PreviewExposure, type PreviewPlan } from './preview-exposure.js';

const SCOPES = ['tunnel', 'sessions:read', 'previews:write', 'sessions:write'];

const cleanUps: (() => unknown)[] = [];
let edge: EdgeFleet;
beforeEach(async () => {
  edge = await EdgeFleet.start('e1');
  cleanUps.push(() => edge.stop());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** An API that stores previews. `refused` names operations that fail the next time. */
class StoredPreviews {
  readonly previews = new Map<string, object>();
  readonly refused: string[] = [];
  made = 0;

  readonly api: PreviewApi = {
    call: ((operation: string, input?: { previewId: string; body: object }) =>
      Promise.resolve().then(() => this.answer(operation, input))) as unknown as PreviewApi['call'],
  };

  private answer(operation: string, input = { previewId: '', body: {} }): unknown {
    if (this.refused[0] === operation) {
      this.refused.shift();
      throw new ClientError('conflict', `${operation} is refused`);
    }
    if (operation === 'getMe') return { scopes: SCOPES };
    if (operation === 'getSession') return { trafficManagerId: 'm1', state: 'connected' };
    if (operation === 'createPreview') {
      const id = `p${++this.made}`;
      const preview = {
        id,
        interceptId: `i${id}`,
        hostname: `${id}.example.com`,
        url: `https://${id}.example.com`,
      };
      this.previews.set(id, { ...input.body, ...preview });
      return this.previews.get(id);
    }
    const found = this.previews.get(input.previewId);
    if (found === undefined) throw new ClientError('not_found', 'the preview does not exist');
    if (operation === 'updatePreview') this.previews.set(input.previewId, { ...found, ...input.body });
    return this.previews.get(input.previewId);
  }
}

/** Starts a service that greets with its name. */
async function service(name: string): Promise<number> {
  const server = createServer((socket) => socket.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function planOf(port: number, hostHeader?: string): PreviewPlan {
  return {
    name: 'web',
    target: { host: '127.0.0.1', port, isTls: false },
    settings: { access: 'team', banner: true, keep: true, hostHeader },
    previewId: null,
  };
}

async function exposureOf(stored: StoredPreviews, plans: readonly PreviewPlan[]): Promise<PreviewExposure> {
  const exposure = new PreviewExposure({
    url: edge.url,
    ca: undefined,
    bearer: keyCredential(() => Promise.resolve('key-12345')),
    api: stored.api,
    managerId: 'workstation/a/b',
    name: 'ann@laptop',
    plans,
    onPreview: () => {},
    onGone: () => {},
    onEnded: () => {},
  });
  cleanUps.push(() => exposure.stop(0));
  await exposure.start();
  return exposure;
}

/** Opens a stream as an edge does. Resolves with the greeting of the service, or `refused`. */
async function ask(port: number): Promise<string> {
  const [{ tunnel }] = await edge.settled('e1');
  return new Promise((resolve) => {
    let received = '';
    const target = {
      interceptId: '1:a',
      host: '127.0.0.1',
      port,
      tls: false,
      serverName: '',
      verifyTls: false,
    };
    const stream = tunnel.openStream(target, {
      onOpen: () => {},
      onData: (chunk) => (received += chunk.toString()),
      onEnd: () => {
        stream?.end();
        resolve(received);
      },
      onReset: () => resolve('refused'),
      onDrain: () => {},
    });
  });
}

// The fault: the former plan was forgotten before the next one was complete. A failure between both left the next target open
// to the tunnel for good, and no later change found the preview.
describe('a change of an exposure that fails', () => {
  it('leaves the former target exposed and not the next one, when the preview is gone and another is refused', async () => {
    const stored = new StoredPreviews();
    const [before, after] = [planOf(await service('before')), planOf(await service('after'))];
    const exposure = await exposureOf(stored, [before]);
    stored.previews.clear();
    stored.refused.push('createPreview');
    await expect(exposure.change(before, after)).rejects.toThrow('createPreview is refused');
    expect(await ask(before.target.port)).toBe('before');
    expect(await ask(after.target.port)).toBe('refused');
    await exposure.change(before, after);
    expect(await ask(before.target.port)).toBe('refused');
    expect(await ask(after.target.port)).toBe('after');
    expect(stored.previews.size).toBe(1);
  });

  it('does not make another preview at the next attempt, when one was made and could not be completed', async () => {
    const stored = new StoredPreviews();
    const [before, after] = [planOf(await service('before')), planOf(await service('after'), 'preview')];
    const exposure = await exposureOf(stored, [before]);
    stored.previews.clear();
    // A server that does not know `addressedAs` needs a second request to complete a preview.
    const older = stored.api.call;
    Object.assign(stored.api, {
      call: async (...args: Parameters<typeof older>) => {
        const found = await older(...args);
        const { ingress } = found as unknown as { ingress?: { addressedAs?: string } };
        return ingress === undefined ? found : { ...found, ingress: { ...ingress, addressedAs: undefined } };
      },
    });
    stored.refused.push('updatePreview');
    await expect(exposure.change(before, after)).rejects.toThrow('updatePreview is refused');
    expect(await ask(before.target.port)).toBe('before');
    expect(await ask(after.target.port)).toBe('refused');
    await exposure.change(before, after);
    expect(await ask(after.target.port)).toBe('after');
    expect([...stored.previews.keys()]).toEqual(['p2']);
  });
});
