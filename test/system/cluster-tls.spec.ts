/** The programs of a cluster that connect over TLS, with the settings that people give them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate, type TestCertificate } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentRig, ask } from '../support/agent-rig.js';
import { CLUSTER_SECRET, startAgent, startClusterManager, startPodDaemon } from '../support/cluster.js';

let rig: AgentRig;
let folder: string;

beforeEach(async () => {
  rig = await AgentRig.start();
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  rig.atEnd(() => rmSync(folder, { recursive: true, force: true }));
});
afterEach(() => rig.stop());

const file = (name: string): string => join(folder, name);

function write({ cert, key }: TestCertificate): void {
  writeFileSync(file('tls.key'), key, { mode: 0o600 });
  writeFileSync(file('tls.crt'), cert);
}

describe('TLS in a cluster', () => {
  it('an agent and a pod daemon connect by https and wss, and again after the certificate was replaced', async () => {
    write(createTestCertificate(['localhost']));
    const tls = {
      CULVERT_CLUSTER_TLS_CERT_FILE: file('tls.crt'),
      CULVERT_CLUSTER_TLS_KEY_FILE: file('tls.key'),
    };
    const manager = await startClusterManager(tls);
    rig.atEnd(() => manager.program.stop());
    const { port } = new URL(manager.url);
    // Self-signed, so the certificate is its own authority.
    const env = { CULVERT_MANAGER_CA_FILE: file('tls.crt') };
    const [green, blue] = [await rig.service('green'), await rig.service('blue')];
    const agent = await startAgent({
      managerUrl: `https://localhost:${port}`,
      applicationPort: green.port,
      env,
    });
    rig.atEnd(() => agent.program.stop());
    const daemon = startPodDaemon({
      managerUrl: `wss://localhost:${port}`,
      apiKey: 'cvt_none',
      port: blue.port,
      ingress: { host: '127.0.0.1', port: agent.port },
      args: ['--no-preview-url'],
      env: { ...env, CULVERT_CLUSTER_SECRET: CLUSTER_SECRET },
    });
    rig.atEnd(() => daemon.stop());
    await agent.looksFor(1);
    const color = async (): Promise<string> => (await ask(agent.port, { 'test-telepresence': '1' })).body;
    expect(await color()).toBe('blue GET 0');
    write(createTestCertificate(['localhost']));
    await manager.program.logged(/the certificate of the cluster port has changed/);
    expect(await color()).toBe('blue GET 0');
    // Both dial again, and read their trusted certificates again.
    const back =
      /(?:connected to the traffic manager"[^]*){2}"intercepts":\["[^"]+"\],"errors":\[\],"msg":"looking/;
    manager.program.kill('SIGKILL');
    await manager.program.exited;
    const next = await startClusterManager({ ...tls, CULVERT_CLUSTER_PORT: port });
    rig.atEnd(() => next.program.stop());
    await agent.program.logged(back);
    expect(await color()).toBe('blue GET 0');
    for (const { stderr } of [manager.program, next.program, agent.program, daemon])
      expect(stderr).not.toMatch(/PRIVATE KEY|-----BEGIN/);
  });
});
