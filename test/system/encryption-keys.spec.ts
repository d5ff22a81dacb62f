import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeptExchangePage } from '@culvert/contract';
import { KeyRing } from '@culvert/sealing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { type Deployment, startDeployment, visit } from '../support/deployment.js';

/** The encryption key of a deployment is replaced as docs/operations.md describes, with restarts in between. */
describe('the encryption key of a deployment', () => {
  const [former, next] = [KeyRing.generate(), KeyRing.generate()];
  let folder: string;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: http.Server;
  let deployment: Deployment | null = null;
  let path: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    database = await createDatabase();
    service = http.createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1');
    await once(service, 'listening');
  });
  afterAll(async () => {
    await deployment?.stop();
    service?.closeAllConnections();
    service?.close();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const restart = async (...keys: string[]): Promise<Deployment> => {
    await deployment?.stop();
    const file = join(folder, 'encryption-keys');
    writeFileSync(file, `${keys.join('\n')}\n`);
    deployment = await startDeployment({
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS_FILE: file,
      LAME_DUCK_MS: '0',
    });
    return deployment;
  };
  const kept = async (): Promise<KeptExchangePage['items']> =>
    (await deployment!.api<KeptExchangePage>('GET', path)).items;

  it('is replaced, and what was kept before stays readable', async () => {
    const first = await restart(former);
    await first.startManager();
    const keepPolicy = { maxCount: 10, maxHours: 24, bodies: false, redactedNames: [] };
    await first.api('PATCH', '/team', { keepPolicy });
    const { port } = service.address() as AddressInfo;
    const preview = await first.createPreview(port, { keep: { count: 10, hours: 24 } });
    path = `/previews/${preview.id}/kept-exchanges`;
    await visit(first.port, preview.hostname, '/plums');
    await expect.poll(kept).toMatchObject([{ kind: 'exchange', exchange: { target: '/plums' } }]);

    const second = await restart(next, former);
    await second.program.logged(/data keys are sealed with the first encryption key/);
    expect(await kept()).toMatchObject([{ exchange: { target: '/plums' } }]);

    await restart(next);
    expect(await kept()).toMatchObject([{ exchange: { target: '/plums' } }]);
  });

  it('that is lost is named in the log, and nothing that it sealed is shown', async () => {
    const lost = await restart(KeyRing.generate());
    const line = await lost.program.logged(
      /kept exchanges cannot be read: encryption keys are not configured/,
    );
    expect(line.input).toContain(KeyRing.parse([next])!.currentId);
    expect(await kept()).toMatchObject([{ kind: 'unreadable', exchange: null }]);
    await lost.api('DELETE', path);
    expect(await kept()).toEqual([]);
  });
});
