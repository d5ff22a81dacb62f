import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBinary } from '../services/binary.js';
import { TemporaryFolder } from '../services/server.js';

export interface Load {
  readonly url: string;
  /** The Host field. */
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
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

const SCRIPT = `
function done(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format('{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"failed":%d}',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;

const running = new Set<() => void>();
process.on('exit', () => running.forEach((kill) => kill()));

/**
 * Runs wrk with one thread and keep-alive connections.
 * @throws Error when a request failed: figures with failures in them mean nothing
 */
export async function runWrk(load: Load): Promise<LoadResult> {
  const command = await ensureBinary({ names: ['wrk'], debianPackage: 'wrk' });
  const folder = new TemporaryFolder('bench-wrk');
  try {
    const script = join(folder.path, 'load.lua');
    const post = load.postBytes ? `wrk.method = "POST"\nwrk.body = string.rep("x", ${load.postBytes})\n` : '';
    writeFileSync(script, post + SCRIPT);
    const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '30s', '--latency'];
    const output = await collectStderr(
      command,
      [...args, '-H', `Host: ${load.host}`, '-s', script, load.url],
      load,
    );
    const result = JSON.parse(output) as Record<string, number>;
    if (result['failed'] > 0 || result['requests'] === 0) {
      throw new Error(
        `${result['failed']} of ${result['requests']} requests to ${load.url} (${load.host}) failed`,
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

function collectStderr(command: string, args: readonly string[], { seconds }: Load): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const kill = () => void child.kill('SIGKILL');
    running.add(kill);
    const timer = setTimeout(kill, (seconds + 60) * 1000);
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(kill);
      if (code === 0) resolve(output);
      else reject(new Error(`wrk ended with status ${code}: ${output}`));
    });
  });
}
