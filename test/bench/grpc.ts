import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TemporaryFolder } from '../services/server.js';
import { startProgram } from '../support/process.js';
import { cpuMicroseconds } from './cpu.js';
import { type CulvertEdge, previewBody, startCulvert, writeCertificate } from './culvert.js';
import { runH2load } from './h2load.js';
import { figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxService } from './nginx.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import type { Scope } from './scope.js';

const CONNECTIONS = 8;
const STREAMS = 16;

/** Protocol of the ingress. */
export const GRPC_WAYS = ['http1', 'h2c'] as const;
export type GrpcWay = (typeof GRPC_WAYS)[number];

export interface GrpcRig {
  readonly port: number;
  /** The previews of a service that speaks HTTP/1.1, and of one that behaves like a gRPC server. */
  readonly hosts: Readonly<Record<GrpcWay, string>>;
  readonly pids: { readonly edge: readonly number[]; readonly manager: readonly number[] };
  /** A gRPC message in a file. */
  readonly message: string;
}

/** @param ports of the two services; default: services of the rig's own */
export async function startGrpcRig(
  scope: Scope,
  ports?: Readonly<Record<GrpcWay, number>>,
): Promise<GrpcRig> {
  const { http1, h2c } = ports ?? (await startServices(scope));
  const folder = new TemporaryFolder('bench-grpc');
  scope.keep({ stop: async () => folder.remove() });
  const message = join(folder.path, 'message');
  const bytes = Buffer.alloc(5 + BODY_BYTES);
  bytes.writeUInt32BE(BODY_BYTES, 1);
  writeFileSync(message, bytes);
  const tls = scope.keep(writeCertificate());
  const culvert = await startCulvert(scope, { tls });
  return {
    port: culvert.port,
    hosts: { http1: await culvert.previewOf('plain', http1), h2c: await previewOfGrpc(culvert, h2c) },
    pids: { edge: [culvert.edge.pid], manager: [culvert.manager.pid] },
    message,
  };
}

async function startServices(scope: Scope): Promise<Record<GrpcWay, number>> {
  const plain = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
  const service = scope.keep(startProgram('test/bench/processes/grpc-service.js', {}, []));
  const [, port] = await service.line(/^Port (\d+)/m);
  return { http1: plain.port, h2c: Number(port) };
}

async function previewOfGrpc({ api }: Pick<CulvertEdge, 'api'>, port: number): Promise<string> {
  const body = previewBody('grpc', port);
  const ingress = { ...(body['ingress'] as Record<string, unknown>), protocol: 'h2c' };
  const preview = await api('POST', '/previews', { ...body, ingress });
  return preview['hostname'] as string;
}

/** Unary calls of 1 KiB for this many seconds: calls per second, and their cost for edge and traffic manager. */
export async function callGrpc(
  { port, hosts, pids, message }: GrpcRig,
  way: GrpcWay,
  seconds: number,
): Promise<{ readonly perSecond: number; readonly edgeCpu: number; readonly managerCpu: number }> {
  const before = { edge: cpuMicroseconds(pids.edge), manager: cpuMicroseconds(pids.manager) };
  const { requests } = await runH2load({
    port,
    host: hosts[way],
    connections: CONNECTIONS,
    streamsPerConnection: STREAMS,
    seconds,
    ...(way === 'h2c' && { body: message, headers: ['content-type: application/grpc', 'te: trailers'] }),
  });
  return {
    perSecond: requests / seconds,
    edgeCpu: (cpuMicroseconds(pids.edge) - before.edge) / requests,
    managerCpu: (cpuMicroseconds(pids.manager) - before.manager) / requests,
  };
}

/** The cost of a gRPC call through an edge beside a plain request: HTTP/2 with the visitor, and with the ingress or not. */
export const grpc: Measure = {
  name: 'grpc',
  run: async (scope, effort) => {
    const rig = await startGrpcRig(scope);
    const found = await medianOfRounds(GRPC_WAYS, effort, async (way, seconds) =>
      callGrpc(rig, way, seconds),
    );
    const { http1, h2c } = found;
    return {
      tables: [
        {
          title: `Unary gRPC calls of 1 KiB beside GET of 1 KiB: HTTP/2 with TLS, ${CONNECTIONS} connections of ${STREAMS} streams`,
          columns: GRPC_WAYS,
          ratio: { of: 'h2c', to: 'http1' },
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'CPU of edge, us/request', key: 'edgeCpu', digits: 1 }),
            rowOf(found, { label: 'CPU of traffic manager, us/request', key: 'managerCpu', digits: 1 }),
          ],
        },
      ],
      figures: [
        figure('gRPC calls, Culvert', h2c.perSecond, 'requests/s'),
        figure('CPU per gRPC call, edge', h2c.edgeCpu, 'us'),
        figure('CPU per gRPC call to that of a plain request, edge', h2c.edgeCpu / http1.edgeCpu, 'ratio'),
      ],
      notes: [],
    };
  },
};
