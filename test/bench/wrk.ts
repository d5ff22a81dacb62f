import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBinary } from '../services/binary.js';
import { TemporaryFolder } from '../services/server.js';
import { runLoad } from './load-program.js';

export interface Load {
  readonly url: string;
  /** The Host field; if there are several, each request uses the next. */
  readonly hosts: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** A Cookie field for each request. */
  readonly cookie?: string;
  /** Bytes of body to POST with each request; absent: GET. */
  readonly postBytes?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Bytes received, heads included. */
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const REPORT = `
function done(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format('{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"failed":%d}',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;

// Created once: formatting each request when it is sent would cost wrk more than the request.
const TAKE_TURNS = `
local heads, turn = {}, 0
function init(args)
  for host in io.lines(hostsFile) do heads[#heads + 1] = wrk.format("GET", nil, { Host = host }) end
end
function request()
  turn = turn % #heads + 1
  return heads[turn]
end
`;

/**
 * Runs wrk with one thread and keep-alive connections.
 * @throws Error if a request failed: figures with failures are meaningless
 */
export async function runWrk(load: Load): Promise<LoadResult> {
  const command = await ensureBinary({ names: ['wrk'], debianPackage: 'wrk' });
  const folder = new TemporaryFolder('bench-wrk');
  try {
    const script = join(folder.path, 'load.lua');
    writeFileSync(script, scriptOf(load, join(folder.path, 'hosts')));
    const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '30s', '--latency'];
    const { stderr } = await runLoad(
      command,
      [
        ...args,
        '-H',
        `Host: ${load.hosts[0]}`,
        ...(load.cookie === undefined ? [] : ['-H', `Cookie: ${load.cookie}`]),
        '-s',
        script,
        load.url,
      ],
      load.seconds + 60,
    );
    const result = JSON.parse(stderr) as Record<string, number>;
    if (result['failed'] > 0 || result['requests'] === 0) {
      throw new Error(
        `${result['failed']} of ${result['requests']} requests to ${load.url} (${load.hosts[0]}) failed`,
      );
    }
    return {
      requests: result['requests'],
      seconds: result['microseconds'] / 1e6,
      bytes: result['bytes'],
      p50Ms: result['p50'] / 1000,
      p99Ms: result['p99'] / 1000,
    };
  } finally {
    folder.remove();
  }
}

function scriptOf({ hosts, postBytes }: Load, hostsFile: string): string {
  const post = postBytes ? `wrk.method = "POST"\nwrk.body = string.rep("x", ${postBytes})\n` : '';
  if (hosts.length === 1) return post + REPORT;
  writeFileSync(hostsFile, hosts.map((host) => `${host}\n`).join(''));
  return `local hostsFile = ${JSON.stringify(hostsFile)}${TAKE_TURNS}${REPORT}`;
}
