/** TCP to Culvert: through the proxy of the environment, or directly by each address family. */
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { unreachable } from '@culvert/client';
import { openProxyTunnel, proxyOf, withUsualCertificates } from '@culvert/outbound';
import { type Check, type Finding, roundMs } from './check.js';
import { hostOf, portOf, type Way, withoutCredentials } from './way.js';

const CONNECT_TIMEOUT_MS = 5000;
/** Addresses of one family that are tried. */
const MAX_ADDRESSES = 2;

interface Attempt {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  /** Null: not connected. */
  readonly ms: number | null;
  readonly error: Error | null;
}

/** Checks whether a proxy applies, and that it connects to Culvert. */
export function proxyCheck({ url, ca }: Way): Check {
  return {
    id: 'proxy',
    title: 'Proxy',
    timeoutMs: 10_000,
    run: async (signal) => {
      const proxy = proxyOf(url);
      if (proxy === null) return { state: 'ok', message: 'none in use', facts: { proxy: null } };
      const shown = withoutCredentials(proxy);
      const facts = { proxy: shown };
      const startedAt = performance.now();
      try {
        (await openThroughProxy(url, proxy, ca, signal)).destroy();
      } catch (error) {
        const message = `the proxy ${shown} does not connect to Culvert: ${(error as Error).message}`;
        return { state: 'failure', message, advice: adviceOf(error), facts };
      }
      const ms = roundMs(performance.now() - startedAt);
      return { state: 'ok', message: `${shown} connects to Culvert in ${ms} ms`, facts: { ...facts, ms } };
    },
  };
}

function adviceOf(error: unknown): string {
  if (/ 407 /.test((error as Error).message))
    return 'Put the user name and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT.';
  if (/answered \d+/.test((error as Error).message))
    return 'Ask the operator of the proxy to allow CONNECT to Culvert, or name the host in NO_PROXY.';
  return 'Check the address in HTTPS_PROXY or HTTP_PROXY, or name the host of Culvert in NO_PROXY.';
}

/** Asks the proxy to connect to Culvert. */
export function openThroughProxy(
  url: string,
  proxy: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  return openProxyTunnel(
    new URL(proxy),
    `${new URL(url).hostname}:${portOf(url)}`,
    withUsualCertificates(ca),
    (socket) => {
      socket.on('error', () => {});
      signal.addEventListener('abort', () => socket.destroy(), { once: true });
    },
  );
}

/** Checks that Culvert accepts TCP connections, by each address family that its name has. */
export function tcpCheck({ url }: Way): Check {
  return {
    id: 'tcp',
    title: 'TCP',
    needs: ['name', 'proxy'],
    timeoutMs: CONNECT_TIMEOUT_MS + 3000,
    run: async (signal) => {
      if (proxyOf(url) !== null)
        return { state: 'ok', message: 'connections go through the proxy', facts: { attempts: [] } };
      const host = hostOf(url);
      const all = await lookup(host, { all: true });
      const chosen = [4, 6].flatMap((family) =>
        all.filter(({ address }) => isIP(address) === family).slice(0, MAX_ADDRESSES),
      );
      const attempts = await Promise.all(chosen.map(({ address }) => attempt(address, portOf(url), signal)));
      return judge(url, attempts);
    },
  };
}

function judge(url: string, attempts: readonly Attempt[]): Finding {
  const facts = {
    port: portOf(url),
    attempts: attempts.map(({ error, ...attempted }) => ({ ...attempted, error: error?.message ?? null })),
  };
  const connected = attempts.filter(({ ms }) => ms !== null);
  const failed = attempts.find(({ ms }) => ms === null);
  if (connected.length === 0) {
    const { message, hint } = unreachable(url, failed?.error ?? new Error('no address'));
    return { state: 'failure', message, advice: hint, facts };
  }
  const said = connected.map(({ family, address, ms }) => `${family} ${address} in ${ms} ms`).join(', ');
  if (failed === undefined) return { state: 'ok', message: `port ${portOf(url)} answers: ${said}`, facts };
  const message = `${failed.family} ${failed.address} does not answer (${failed.error?.message ?? ''}); ${said}`;
  const isOwnMachine = /^(127\.|::1$)/.test(failed.address);
  // Servers of this machine often listen by one family only.
  if (isOwnMachine) return { state: 'ok', message, facts };
  const advice = `Connections may begin late. Remove this address from DNS, or repair ${failed.family} between here and there.`;
  return { state: 'warning', message, advice, facts };
}

async function attempt(address: string, port: number, signal: AbortSignal): Promise<Attempt> {
  const family = isIP(address) === 6 ? 'IPv6' : 'IPv4';
  const startedAt = performance.now();
  const socket = connect({ host: address, port });
  try {
    await once(socket, 'connect', {
      signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]),
    });
    return { address, family, ms: roundMs(performance.now() - startedAt), error: null };
  } catch (cause) {
    const isLate = (cause as Error).name === 'AbortError';
    const error = isLate
      ? Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })
      : (cause as Error);
    return { address, family, ms: null, error };
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}
