/** The cluster port over TLS: which dialers connect, and certificates that are replaced while it runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { AgentLink, MeetingClient, type MeetingClientOptions } from '@culvert/meeting-point';
import { ConfigurationError } from '@culvert/runtime';
import { createTestCertificate, Deferred, type TestCertificate } from '@culvert/testkit';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTrafficManager, type TrafficManager, type TrafficManagerOptions } from '../index.js';

const SECRET = 'a-secret-of-the-cluster';

let cleanUps: (() => unknown)[];
let folder: string;
let certificate: TestCertificate;
let lines: string[];

beforeEach(() => {
  cleanUps = [];
  lines = [];
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  certificate = write(createTestCertificate(['127.0.0.1', 'localhost']));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

const certFile = (): string => join(folder, 'tls.crt');
const keyFile = (): string => join(folder, 'tls.key');

function write(pair: TestCertificate): TestCertificate {
  writeFileSync(keyFile(), pair.key, { mode: 0o600 });
  writeFileSync(certFile(), pair.cert);
  return pair;
}

function start(changes: Partial<TrafficManagerOptions> = {}): TrafficManager {
  const started = startTrafficManager(
    {
      // Nothing listens at port 9: discard.
      url: 'http://127.0.0.1:9',
      apiKey: 'cvt_own',
      managerId: 'm1',
      drainMs: 200,
      clusterPort: 0,
      clusterSecret: SECRET,
      clusterTls: { certFile: certFile(), keyFile: keyFile(), lookMs: 10 },
      ...changes,
    },
    pino({ level: 'info' }, { write: (line) => void lines.push(line) }),
  );
  cleanUps.push(() => started.stop());
  return started;
}

function dialed(url: string, ca: string | undefined) {
  return {
    url: new URL(url),
    ...(ca !== undefined && { ca: () => Promise.resolve(ca) }),
    credential: () => Promise.resolve(SECRET),
    id: 'alice',
    name: 'alice',
    version: '1',
  };
}

/** Resolves with the reason for the refusal. */
function refusal(url: string, ca?: string): Promise<string> {
  const refused = new Deferred<string>();
  const events: MeetingClientOptions['events'] = { onRefused: (_status, reason) => refused.resolve(reason) };
  const client = new MeetingClient({ ...dialed(url, ca), events });
  cleanUps.push(() => client.close());
  return refused.promise;
}

/** Returns the certificate that new connections get. */
async function shown(port: number): Promise<string> {
  const got = new Deferred<string>();
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
    got.resolve(socket.getPeerX509Certificate()!.fingerprint256),
  );
  socket.on('error', (error) => got.reject(error));
  const fingerprint = await got.promise;
  socket.destroy();
  return fingerprint;
}

describe('a cluster port with a certificate', () => {
  it('accepts agents and clients that trust it, by https', async () => {
    const url = `https://127.0.0.1:${await start().clusterPort}`;
    const client = new MeetingClient(dialed(url, certificate.cert));
    cleanUps.push(() => client.close());
    const looksFor = new Deferred<string>();
    const agent = new AgentLink({
      ...dialed(url, certificate.cert),
      id: 'a1',
      announcement: {
        workload: 'orders',
        namespace: 'shop',
        kind: 'Deployment',
        pod: 'a1',
        ports: [{ port: 8080, name: 'http' }],
      },
      onIntercepts: ([first]) => {
        if (first !== undefined) looksFor.resolve(first.id);
        return [];
      },
    });
    cleanUps.push(() => agent.close());
    const { id } = await client.create(
      {
        name: 'orders',
        workload: 'orders',
        namespace: 'shop',
        kind: 'Deployment',
        port: '',
        headers: [],
        targetHost: '',
        targetPort: 0,
      },
      { host: '127.0.0.1', port: 9 },
    );
    expect(await looksFor.promise).toBe(id);
  });

  it('is not trusted without its authority, or under another name', async () => {
    const port = await start().clusterPort;
    expect(await refusal(`https://127.0.0.1:${port}`)).toMatch(/self-signed/);
    const other = createTestCertificate(['127.0.0.1']).cert;
    expect(await refusal(`https://127.0.0.1:${port}`, other)).toMatch(/self-signed/);
    const elsewhere = write(createTestCertificate(['elsewhere.example']));
    const stranger = await start().clusterPort;
    expect(await refusal(`https://127.0.0.1:${stranger}`, elsewhere.cert)).toMatch(/not in the cert/);
  });

  it('refuses plain text', async () => {
    const port = await start().clusterPort;
    expect(await refusal(`http://127.0.0.1:${port}`)).not.toBe('');
  });

  it('serves the new one once both files are replaced, and open tunnels stay', async () => {
    const port = (await start().clusterPort)!;
    const before = await shown(port);
    const client = new MeetingClient(dialed(`https://127.0.0.1:${port}`, certificate.cert));
    cleanUps.push(() => client.close());
    await client.whenConnected();
    const next = write(createTestCertificate(['127.0.0.1']));
    await expect.poll(() => shown(port), { interval: 10, timeout: 10_000 }).not.toBe(before);
    expect(client.isConnected).toBe(true);
    const newcomer = new MeetingClient({ ...dialed(`https://127.0.0.1:${port}`, next.cert), id: 'bob' });
    cleanUps.push(() => newcomer.close());
    await newcomer.whenConnected();
    expect(lines.join()).toContain('the certificate of the cluster port has changed');
    expect(lines.join()).not.toContain('PRIVATE KEY');
  });

  it('keeps the old one while the files do not match, and logs that once', async () => {
    const port = (await start().clusterPort)!;
    const before = await shown(port);
    writeFileSync(keyFile(), createTestCertificate(['127.0.0.1']).key);
    const complaint = /cannot use the new certificate of the cluster port/g;
    await expect.poll(() => lines.join().match(complaint)?.length, { interval: 10, timeout: 10_000 }).toBe(1);
    rmSync(certFile());
    expect(await shown(port)).toBe(before);
    write(createTestCertificate(['127.0.0.1']));
    await expect.poll(() => shown(port), { interval: 10, timeout: 10_000 }).not.toBe(before);
    expect(lines.join().match(complaint)).toHaveLength(1);
  });

  it('is refused at the start when the files are missing or do not match, or there is no port', () => {
    const files = { certFile: certFile(), keyFile: keyFile() };
    expect(() => start({ clusterTls: { ...files, keyFile: join(folder, 'none') } })).toThrow(
      ConfigurationError,
    );
    writeFileSync(keyFile(), createTestCertificate(['127.0.0.1']).key);
    expect(() => start({ clusterTls: files })).toThrow(
      /CULVERT_CLUSTER_TLS_CERT_FILE and .* certificate and its key/,
    );
    const withoutPort = { url: 'http://127.0.0.1:9', apiKey: 'cvt_own', managerId: 'm', clusterTls: files };
    expect(() => startTrafficManager(withoutPort, pino({ level: 'silent' }))).toThrow(
      'CULVERT_CLUSTER_TLS_CERT_FILE needs CULVERT_CLUSTER_PORT',
    );
  });
});

describe('dialers of a cluster port with TLS', () => {
  it('read trusted certificates again before every attempt', async () => {
    const url = `https://127.0.0.1:${await start().clusterPort}`;
    let trusted = createTestCertificate(['127.0.0.1']).cert;
    const client = new MeetingClient({
      ...dialed(url, undefined),
      ca: () => Promise.resolve(trusted),
      events: { onRefused: () => (trusted = certificate.cert) },
    });
    cleanUps.push(() => client.close());
    await client.whenConnected();
    expect(trusted).toBe(certificate.cert);
  });

  it('report that trusted certificates cannot be read', async () => {
    const failed = new Deferred<unknown>();
    const client = new MeetingClient({
      ...dialed('https://127.0.0.1:9', undefined),
      ca: () => Promise.reject(new Error('no such file')),
      events: { onCredentialError: (error) => failed.resolve(error) },
    });
    cleanUps.push(() => client.close());
    expect(await failed.promise).toEqual(new Error('no such file'));
  });
});
