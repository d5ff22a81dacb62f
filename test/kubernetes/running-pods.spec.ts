/**
 * What the pods of both charts do: their containers run on hosts of their own, with what a kubelet would give them from a
 * real API server. Two edges and an API process serve a preview whose traffic manager is a pod too.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { findGo } from '../../infra/scripts/kubernetes-tools.mjs';
import { type ChartPod, podsOf } from '../infra/chart-pods.js';
import { readManifests } from '../infra/helm.js';
import { TemporaryFolder } from '../services/server.js';
import { createHosts, type Host } from '../support/hosts.js';
import { type Program, ROOT, startProgram } from '../support/process.js';
import { Cluster } from './cluster.js';
import { withJobs } from './jobs.js';
import { isReadableByAll, RANDOM_USER, startPod } from './pod.js';
import { secretData } from './pod-env.js';

const NAMESPACE = 'culvert';
const APP_HOST = 'culvert.example.com:8080';
const PLAN = {
  api: ['cluster'],
  edge1: ['cluster'],
  edge2: ['cluster'],
  manager: ['cluster'],
  service: ['cluster'],
  visitor: ['cluster'],
} as const;

const hosts = await createHosts(PLAN);
const { of } = hosts;

const WHY_NOT = [
  [findGo() === null, 'there is no Go'],
  [hosts.kind !== 'network namespaces', `no network namespaces: ${hosts.reason}`],
  [!isReadableByAll(), 'other users cannot read this checkout'],
]
  .filter(([is]) => is)
  .map(([, why]) => String(why));

// Without a test to run, no hook runs either.
if (WHY_NOT.length > 0) await hosts.remove();
else afterAll(() => hosts.remove());

interface Answer {
  readonly status: number;
  readonly body: string;
}

describe.skipIf(WHY_NOT.length > 0)(
  `the pods of the charts${WHY_NOT.map((why) => ` (${why})`).join('')}`,
  () => {
    let cluster: Cluster;
    let database: TestDatabase;
    let folder: TemporaryFolder;
    let authority: string;
    let apiKey: string;
    const programs: Program[] = [];

    beforeAll(async () => {
      database = await createTestDatabase(inject('databaseUrl'));
      folder = new TemporaryFolder('charts');
      cluster = (await Cluster.start([]))!;
      await cluster.kubectl(['create', 'namespace', NAMESPACE]);
      await cluster.kubectl(['-n', NAMESPACE, 'create', 'serviceaccount', 'default']);
      authority = await createSecrets();
      const values = {
        appHost: APP_HOST,
        previewDomain: 'preview.example.com',
        database: { existingSecret: 'database' },
        redis: { existingSecret: 'redis' },
        edge: { lameDuckMs: 100 },
      };
      const pods = await install('culvert', values);
      apiKey = (await secretData(cluster, NAMESPACE, 'culvert-generated'))['CULVERT_BOOTSTRAP_API_KEY'] ?? '';
      await start(pods, 'culvert-api', of.api, /"serving"|"listening"|^API key/m);
      await start(pods, 'culvert-edge', of.edge1, /"accepting links"/);
      await start(pods, 'culvert-edge', of.edge2, /"accepting links"/);
    });

    afterAll(async () => {
      for (const program of programs.toReversed()) await program.stop();
      await cluster?.stop();
      await database?.drop();
      folder?.remove();
    });

    /** Creates the secrets of both charts, and returns the certificate that stands for its authority. */
    async function createSecrets(): Promise<string> {
      const file = (name: string) => join(folder.path, name);
      const names = 'subjectAltName=DNS:culvert.example.com,DNS:*.preview.example.com';
      const key = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        file('tls.key'),
      ];
      spawnSync('openssl', [
        'req',
        '-x509',
        ...key,
        '-days',
        '2',
        '-subj',
        '/CN=culvert',
        '-addext',
        names,
        '-out',
        file('tls.crt'),
      ]);
      const create = (...args: readonly string[]) =>
        cluster.kubectl(['-n', NAMESPACE, 'create', 'secret', ...args]);
      await create('generic', 'database', `--from-literal=DATABASE_URL=${database.url}`);
      await create('generic', 'redis', `--from-literal=REDIS_URL=${inject('redisUrl')}`);
      await create('tls', 'culvert-tls', '--cert', file('tls.crt'), '--key', file('tls.key'));
      await create('generic', 'authority', `--from-file=ca.crt=${file('tls.crt')}`);
      return readFileSync(file('tls.crt'), 'utf8');
    }

    async function install(chart: string, values: object): Promise<ChartPod[]> {
      const file = join(folder.path, `${chart}.json`);
      writeFileSync(file, JSON.stringify(values));
      const args = [chart, `${ROOT}infra/helm/${chart}`, '-n', NAMESPACE, '-f', file];
      await withJobs(cluster, NAMESPACE, () => cluster.helm('admin', ['install', ...args]));
      const { stdout } = await cluster.helm('admin', ['get', 'manifest', chart, '-n', NAMESPACE]);
      return podsOf(readManifests(stdout));
    }

    async function start(
      pods: readonly ChartPod[],
      name: string,
      host: Host,
      ready: RegExp,
    ): Promise<Program> {
      const pod = pods.find((each) => each.name === name);
      if (pod === undefined) throw new Error(`no pod of ${name}`);
      const replaced: Record<string, string> = {};
      for (const url of [database.url, inject('redisUrl')]) {
        const { host: server, port } = new URL(url);
        replaced[server] = `127.0.0.1:${await host.window(Number(port))}`;
      }
      const names = {
        [`culvert-api.${NAMESPACE}.svc`]: of.api.address('cluster'),
        'culvert.example.com': of.edge1.address('cluster'),
      };
      const program = await startPod({ cluster, namespace: NAMESPACE, pod, host, names, replaced });
      programs.push(program);
      await Promise.race([program.logged(ready), program.line(ready)]);
      return program;
    }

    /** Sends one request over TLS from the visitor's host to an edge. */
    async function send(
      edge: Host,
      hostname: string,
      path: string,
      options: { body?: object } = {},
    ): Promise<Answer> {
      const socket = await of.visitor.connect(edge.address('cluster'), 8080);
      const secure = tls.connect({ socket, servername: hostname.split(':')[0], ca: authority });
      const body = options.body && JSON.stringify(options.body);
      const headers = {
        host: hostname,
        ...(hostname === APP_HOST && { authorization: `Bearer ${apiKey}` }),
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      };
      return new Promise((resolve, reject) => {
        const method = body === undefined ? 'GET' : 'POST';
        const sent = request({ method, path, headers, createConnection: () => secure }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('error', reject).on('end', () => {
            secure.destroy();
            resolve({ status: response.statusCode ?? 0, body: text });
          });
        });
        sent.on('error', reject).end(body);
      });
    }

    it('serve the API through every edge with TLS, as random users on read-only file systems', async () => {
      for (const edge of [of.edge1, of.edge2])
        expect((await send(edge, APP_HOST, '/api/v1/team')).status).toBe(200);
    });

    it('have no capability, a user that the machine does not know, and nothing to write to but their volumes', () => {
      expect(programs.length).toBe(3);
      for (const { pid } of programs) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        expect(status).toMatch(new RegExp(`^Uid:\\t${RANDOM_USER}\\t`, 'm'));
        expect(status).toMatch(/^CapBnd:\t0+$/m);
        const root = readFileSync(`/proc/${pid}/mounts`, 'utf8')
          .split('\n')
          .findLast((line) => line.split(' ')[1] === '/');
        expect(root?.split(' ')[3]).toMatch(/^ro,/);
      }
    });

    it('are alive and ready where their probes look', async () => {
      for (const host of [of.api, of.edge1, of.edge2]) {
        for (const path of ['/healthz', '/readyz', '/metrics'])
          expect(await probe(host, path), path).toBe(200);
      }
    });

    it('serve a preview whose traffic manager is a pod, also through the edge without its tunnel', async () => {
      const service = startProgram(
        'apps/sample-service/src/main.js',
        { SAMPLE_HOST: '0.0.0.0', SAMPLE_PORT: '3000' },
        [],
        [],
        of.service.via,
      );
      programs.push(service);
      const pods = await install('traffic-manager', {
        culvertUrl: `https://${APP_HOST}`,
        caSecret: 'authority',
        apiKey,
        clusterSecret: '0123456789abcdef',
      });
      await start(pods, 'traffic-manager', of.manager, /"msg":"connected"/);
      const body = {
        intercept: { name: 'sample', workload: 'sample', namespace: 'default' },
        ingress: { host: of.service.address('cluster'), port: 3000, useTls: false, l5Host: 'sample' },
        access: 'public',
      };
      const created = await send(of.edge1, APP_HOST, '/api/v1/previews', { body });
      expect(created.status, created.body).toBe(201);
      const { hostname } = JSON.parse(created.body) as { hostname: string };
      for (const edge of [of.edge1, of.edge2])
        await expect
          .poll(async () => (await send(edge, hostname, '/healthz')).status, { timeout: 15_000 })
          .toBe(200);
    });

    it('stop cleanly within their grace', async () => {
      for (const program of programs.splice(0).toReversed()) expect(await program.stop()).toBe(0);
    });

    async function probe(host: Host, path: string): Promise<number> {
      const socket = await of.visitor.connect(host.address('cluster'), 9090);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n`);
      const text = await new Promise<string>((resolve) => {
        let all = '';
        socket.setEncoding('utf8').on('data', (chunk: string) => (all += chunk));
        socket.on('close', () => resolve(all));
      });
      return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
    }
  },
);
