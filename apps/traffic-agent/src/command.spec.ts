import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@culvert/runtime';
import { createTestCertificate } from '@culvert/testkit';
import { describe, expect, it } from 'vitest';
import { readCommand } from './command.js';
import { VERSION } from './version.js';

const env = {
  CULVERT_AGENT_PORTS: '9900:8080:http',
  CULVERT_WORKLOAD_NAME: 'orders',
  CULVERT_CLUSTER_SECRET: 'sixteen-letters!',
  POD_NAMESPACE: 'shop',
  POD_NAME: 'orders-1',
};

describe("the traffic agent's command line", () => {
  it('needs only ports, a workload and a credential', async () => {
    const { options, logLevel } = readCommand([], env);
    expect(options).toMatchObject({
      ports: [{ port: 9900, applicationPort: 8080, name: 'http', protocol: 'http' }],
      applicationHost: '127.0.0.1',
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: 'orders-1',
      drainMs: 30_000,
      adminPort: null,
      metrics: null,
    });
    expect(options.managerUrl.href).toBe('http://traffic-manager.ambassador:8085/');
    expect(await options.credential()).toBe('sixteen-letters!');
    expect(logLevel).toBe('info');
  });

  it('prefers flags to the environment', () => {
    const flags =
      '--port 0:1/tcp --port 2:3 --workload-name a --workload-namespace b --workload-kind StatefulSet --manager-url http://m:1 --drain-ms 5 --admin-port 7';
    expect(readCommand(flags.split(' '), env).options).toMatchObject({
      ports: [
        { port: 0, applicationPort: 1, name: '', protocol: 'tcp' },
        { port: 2, applicationPort: 3, name: '', protocol: 'http' },
      ],
      workload: 'a',
      namespace: 'b',
      kind: 'StatefulSet',
      drainMs: 5,
      adminPort: 7,
      metrics: null,
    });
  });

  it('finds the traffic manager in the namespace that Telepresence names', () => {
    const { managerUrl } = readCommand([], { ...env, TELEPRESENCE_MANAGER_NAMESPACE: 'tools' }).options;
    expect(managerUrl.host).toBe('traffic-manager.tools:8085');
  });

  it('reads trusted certificates again every time, and then uses TLS to the traffic manager', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    const file = join(folder, 'ca.crt');
    const [first, second] = [createTestCertificate(['a']), createTestCertificate(['b'])];
    writeFileSync(file, first.cert);
    const { managerUrl, managerCa } = readCommand([], { ...env, CULVERT_MANAGER_CA_FILE: file }).options;
    expect(managerUrl.href).toBe('https://traffic-manager.ambassador:8085/');
    expect(await managerCa!()).toBe(first.cert);
    writeFileSync(file, second.cert);
    expect(await managerCa!()).toBe(second.cert);
    writeFileSync(file, second.key);
    await expect(managerCa!()).rejects.toThrow('CULVERT_MANAGER_CA_FILE');
    rmSync(folder, { recursive: true });
  });

  it('accepts an API key instead of a cluster secret', async () => {
    const { credential } = readCommand([], {
      ...env,
      CULVERT_CLUSTER_SECRET: '',
      CULVERT_API_KEY: 'cvt_key',
    }).options;
    expect(await credential()).toBe('cvt_key');
  });

  it.each([
    ['CULVERT_AGENT_PORTS', { CULVERT_AGENT_PORTS: '' }],
    ['CULVERT_AGENT_PORTS', { CULVERT_AGENT_PORTS: '8080' }],
    ['CULVERT_AGENT_PORTS', { CULVERT_AGENT_PORTS: '1:70000' }],
    ['CULVERT_AGENT_PORTS', { CULVERT_AGENT_PORTS: '1:2/udp' }],
    ['CULVERT_WORKLOAD_NAME', { CULVERT_WORKLOAD_NAME: '' }],
    ['CULVERT_CLUSTER_SECRET', { CULVERT_CLUSTER_SECRET: '' }],
    ['CULVERT_CLUSTER_SECRET', { CULVERT_CLUSTER_SECRET: 'short' }],
    ['CULVERT_MANAGER_URL', { CULVERT_MANAGER_URL: 'ftp://m' }],
    ['CULVERT_MANAGER_CA_FILE', { CULVERT_MANAGER_CA_FILE: '/nonexistent/ca.crt' }],
    ['CULVERT_MANAGER_CA_FILE', { CULVERT_MANAGER_CA_FILE: import.meta.filename }],
    ['CULVERT_DRAIN_MS', { CULVERT_DRAIN_MS: 'x' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
  ])('refuses a wrong %s: %o', (variable, change) => {
    const read = () => readCommand([], { ...env, ...change });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(variable);
  });

  it('has the version of its package', () => {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(manifest) as { version: string }).version).toBe(VERSION);
  });
});
