import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCommand } from './command.js';
import { ConfigurationError } from '@culvert/runtime';
import { VERSION } from './version.js';

let directory: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-command-'));
  env = { CULVERT_URL: 'https://culvert.example', CULVERT_API_KEY: 'cvt_key', CULVERT_STATE_DIR: directory };
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the traffic manager's command line", () => {
  it('needs only a URL and a key', () => {
    const { options, logLevel } = readCommand([], env);
    expect(options).toEqual({
      url: 'https://culvert.example',
      apiKey: expect.any(Function) as unknown,
      managerId: readFileSync(join(directory, 'manager-id'), 'utf8'),
      allow: [],
    });
    expect(logLevel).toBe('info');
  });

  it('takes the key from the environment', async () => {
    const read = readCommand([], env).options.apiKey as () => Promise<string>;
    expect(await read()).toBe('cvt_key');
  });

  it('takes every setting from the environment', () => {
    writeFileSync(join(directory, 'ca.pem'), 'edge authority');
    writeFileSync(join(directory, 'ingress.pem'), 'ingress authority');
    const { options, logLevel } = readCommand([], {
      ...env,
      CULVERT_MANAGER_ID: 'm1',
      CULVERT_MANAGER_NAME: 'staging',
      CULVERT_CLUSTER_ID: 'c1',
      CULVERT_TUNNELS: '3',
      CULVERT_CA_FILE: join(directory, 'ca.pem'),
      CULVERT_INGRESS_CA_FILE: join(directory, 'ingress.pem'),
      CULVERT_ALLOW: 'web:80, 10.0.0.0/8,',
      CULVERT_CONNECT_TIMEOUT_MS: '500',
      CULVERT_DRAIN_MS: '0',
      CULVERT_ADMIN_PORT: '9000',
      CULVERT_CLUSTER_PORT: '8085',
      CULVERT_CLUSTER_SECRET: 'sixteen-letters!',
      CULVERT_CLIENT_GRACE_MS: '1000',
      LOG_LEVEL: 'debug',
    });
    expect(options).toEqual({
      url: 'https://culvert.example',
      apiKey: expect.any(Function) as unknown,
      managerId: 'm1',
      name: 'staging',
      clusterId: 'c1',
      tunnels: 3,
      ca: 'edge authority',
      ingressCa: 'ingress authority',
      allow: ['web:80', '10.0.0.0/8'],
      connectTimeoutMs: 500,
      drainMs: 0,
      adminPort: 9000,
      clusterPort: 8085,
      clusterSecret: 'sixteen-letters!',
      clientGraceMs: 1000,
    });
    expect(logLevel).toBe('debug');
  });

  it('prefers flags to the environment', () => {
    const flags =
      '--url http://other --manager-id m2 --name n --cluster-id c --tunnels 1 --drain-ms 5 --log-level warn';
    const { options, logLevel } = readCommand([...flags.split(' '), '--allow', 'a', '--allow', '*.b'], {
      ...env,
      CULVERT_MANAGER_ID: 'm1',
      CULVERT_ALLOW: 'c',
      CULVERT_DRAIN_MS: '7',
      LOG_LEVEL: 'debug',
    });
    expect(options).toMatchObject({
      url: 'http://other',
      managerId: 'm2',
      tunnels: 1,
      drainMs: 5,
      allow: ['a', '*.b'],
    });
    expect(logLevel).toBe('warn');
  });

  it('names the files of the certificate of the cluster port', () => {
    const flags = ['--cluster-tls-cert-file', '/tls/tls.crt', '--cluster-tls-key-file', '/tls/tls.key'];
    expect(readCommand(flags, env).options.clusterTls).toEqual({
      certFile: '/tls/tls.crt',
      keyFile: '/tls/tls.key',
    });
  });

  it('reads the key from its file again every time', async () => {
    const file = join(directory, 'key');
    writeFileSync(file, 'cvt_first\n');
    const { options } = readCommand([], { ...env, CULVERT_API_KEY: '', CULVERT_API_KEY_FILE: file });
    const read = options.apiKey as () => Promise<string>;
    expect(await read()).toBe('cvt_first');
    writeFileSync(file, 'cvt_second\n');
    expect(await read()).toBe('cvt_second');
    writeFileSync(file, '');
    await expect(read()).rejects.toThrow(ConfigurationError);
  });

  it('derives the manager id in Kubernetes, where no folder outlives the pod', () => {
    const inCluster = {
      ...env,
      CULVERT_STATE_DIR: '',
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      POD_NAMESPACE: 'tools',
    };
    const { options } = readCommand([], inCluster);
    expect(options.managerId).toMatch(/^derived-/);
    expect(hostname()).not.toBe('');
  });

  it('recognizes the cluster by its authority, unless the setting names it', () => {
    const file = join(directory, 'ca.crt');
    writeFileSync(file, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
    expect(readCommand([], { ...env, CULVERT_CLUSTER_ID: '' }, file).options.clusterId).toMatch(/^ca-/);
    expect(readCommand([], { ...env, CULVERT_CLUSTER_ID: 'east' }, file).options.clusterId).toBe('east');
    expect(readCommand([], env, join(directory, 'missing')).options).not.toHaveProperty('clusterId');
  });

  it.each([
    ['CULVERT_API_KEY', { CULVERT_API_KEY: '' }],
    ['CULVERT_API_KEY', { CULVERT_API_KEY: 'two words' }],
    ['CULVERT_API_KEY_FILE', { CULVERT_API_KEY: '', CULVERT_API_KEY_FILE: '/nonexistent/key' }],
    ['CULVERT_CA_FILE', { CULVERT_CA_FILE: '/nonexistent/ca.pem' }],
    ['CULVERT_INGRESS_CA_FILE', { CULVERT_INGRESS_CA_FILE: '/nonexistent/ca.pem' }],
    ['CULVERT_ALLOW', { CULVERT_ALLOW: ' , ' }],
    ['CULVERT_TUNNELS', { CULVERT_TUNNELS: '0' }],
    ['CULVERT_TUNNELS', { CULVERT_TUNNELS: '9' }],
    ['CULVERT_TUNNELS', { CULVERT_TUNNELS: 'two' }],
    ['CULVERT_CONNECT_TIMEOUT_MS', { CULVERT_CONNECT_TIMEOUT_MS: '0' }],
    ['CULVERT_DRAIN_MS', { CULVERT_DRAIN_MS: '1.5' }],
    ['CULVERT_DRAIN_MS', { CULVERT_DRAIN_MS: '-1' }],
    ['CULVERT_ADMIN_PORT', { CULVERT_ADMIN_PORT: '65536' }],
    ['CULVERT_CLUSTER_PORT', { CULVERT_CLUSTER_PORT: 'x' }],
    ['CULVERT_CLUSTER_TLS_KEY_FILE', { CULVERT_CLUSTER_TLS_CERT_FILE: '/tls/tls.crt' }],
    ['CULVERT_CLUSTER_TLS_CERT_FILE', { CULVERT_CLUSTER_TLS_KEY_FILE: '/tls/tls.key' }],
    ['CULVERT_CLUSTER_SECRET', { CULVERT_CLUSTER_SECRET: 'short' }],
    ['CULVERT_CLUSTER_SECRET_FILE', { CULVERT_CLUSTER_SECRET_FILE: '/nonexistent/secret' }],
    ['CULVERT_CLIENT_GRACE_MS', { CULVERT_CLIENT_GRACE_MS: '-1' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
  ])('refuses a wrong %s: %o', (variable, change) => {
    const read = () => readCommand([], { ...env, ...change });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(variable);
  });

  // An empty list would permit every address.
  it.each([[['--allow', '']], [['--allow', ' ']], [['--allow', 'web:80', '--allow', '']]])(
    'refuses the empty rule of %j, whatever the environment says',
    (flags) => {
      expect(() => readCommand(flags, { ...env, CULVERT_ALLOW: '10.0.0.0/8' })).toThrow('CULVERT_ALLOW');
    },
  );

  it('never prints a key that it refuses', () => {
    let text = '';
    try {
      readCommand([], { ...env, CULVERT_API_KEY: 'cvt_secret with a space' });
    } catch (error) {
      text = String(error);
    }
    expect(text).toContain('CULVERT_API_KEY');
    expect(text).not.toContain('secret');
  });

  it('has the version of its package', () => {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(manifest) as { version: string }).version).toBe(VERSION);
  });
});
