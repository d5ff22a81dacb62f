import { Agent, get } from 'node:http';

const CONNECTIONS = 48;
const DEADLINE_MS = 30_000;

/** Requests `path` once at every hostname of an edge. Rejects unless each answers 200. */
export async function visitAll(
  { port, all }: { readonly port: number; readonly all: readonly string[] },
  path: string,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const queue = all.values();
  const visitRest = async () => {
    for (const host of queue) await visit({ agent, port, host, path });
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, visitRest));
  } finally {
    agent.destroy();
  }
}

function visit({
  agent,
  port,
  host,
  path,
}: {
  readonly agent: Agent;
  readonly port: number;
  readonly host: string;
  readonly path: string;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { agent, port, host: '127.0.0.1', path, headers: { host }, timeout: DEADLINE_MS };
    const request = get(options, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${host} answered ${response.statusCode}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`${host} did not answer`)));
    request.on('error', reject);
  });
}
