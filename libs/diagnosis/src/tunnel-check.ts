/** The way of tunnels: a WebSocket with the credential, and an answer of the edge to HELLO. Leaves nothing behind. */
import { proxyAgent, withUsualCertificates } from '@culvert/outbound';
import { probeTunnel, type TunnelProbe } from '@culvert/tunnel';
import { type Check, type Finding, roundMs } from './check.js';
import type { Way } from './way.js';

const PHASE_TIMEOUT_MS = 6000;

/** Where tunnels are accepted. */
export interface TunnelPlace {
  readonly id: string;
  readonly title: string;
  readonly needs: readonly string[];
  /** Path at which tunnels are accepted. Default: that of an edge. */
  readonly path?: string;
  /** Whether the certificates of the way replace the usual ones, and no proxy is used, as inside a cluster. */
  readonly isInCluster: boolean;
}

const EDGE: TunnelPlace = { id: 'tunnel', title: 'Tunnel', needs: ['api'], isInCluster: false };

/** Checks that tunnels can be opened, without opening one. */
export function tunnelCheck(
  { url, ca, secret, version }: Pick<Way, 'url' | 'ca' | 'secret' | 'version'>,
  { id, title, needs, path, isInCluster }: TunnelPlace = EDGE,
): Check {
  return {
    id,
    title,
    needs,
    timeoutMs: 2 * PHASE_TIMEOUT_MS + 1000,
    run: async (signal) => {
      if (secret === null)
        return { state: 'skipped', message: 'skipped, because there is no credential to open a tunnel with' };
      const target = {
        url: new URL(url),
        path,
        apiKey: await secret(),
        ca: isInCluster ? ca : withUsualCertificates(ca)?.join('\n'),
        agent: isInCluster ? undefined : await proxyAgent(new URL(url)),
        timeoutMs: PHASE_TIMEOUT_MS,
        signal,
      };
      return judge(await probeTunnel(target, version));
    },
  };
}

function judge(probe: TunnelProbe): Finding {
  if (probe.ok) {
    const [upgradeMs, answerMs] = [roundMs(probe.upgradeMs), roundMs(probe.answerMs)];
    const message = `WebSocket in ${upgradeMs} ms, answered in ${answerMs} ms`;
    return { state: 'ok', message, facts: { upgradeMs, answerMs } };
  }
  const { phase, status, reason } = probe;
  return {
    state: 'failure',
    message: reason,
    advice: phase === 'handshake' ? HANDSHAKE_ADVICE : upgradeAdvice(status),
    facts: { phase, status },
  };
}

const HANDSHAKE_ADVICE =
  'A proxy between this machine and Culvert accepts WebSockets, but does not forward their messages. Ask its operator to do so.';

function upgradeAdvice(status: number | null): string {
  switch (status) {
    case 401:
      return 'Culvert does not accept the credential. Run "culvert login", or use another key.';
    case 403:
      return 'The credential lacks the scope "tunnel". Use a key that has it.';
    case 429:
    case 503:
      return 'Culvert does not accept tunnels at the moment. Try again in a minute.';
    case null:
      return 'Check the address, and that firewalls and proxies on the way let WebSockets pass.';
    default:
      return 'A proxy on the way does not pass WebSockets. Ask its operator to forward Upgrade and Connection.';
  }
}
