/** The way of tunnels: a WebSocket with the credential, and an answer of the edge to HELLO. Leaves nothing behind. */
import { proxyAgent, withUsualCertificates } from '@culvert/outbound';
import { probeTunnel, type TunnelProbe } from '@culvert/tunnel';
import { type Check, type Finding, roundMs } from './check.js';
import type { Way } from './way.js';

const PHASE_TIMEOUT_MS = 6000;

/** Checks that tunnels can be opened, without opening one. */
export function tunnelCheck({ url, ca, secret, version }: Way): Check {
  return {
    id: 'tunnel',
    title: 'Tunnel',
    needs: ['api'],
    timeoutMs: 2 * PHASE_TIMEOUT_MS + 1000,
    run: async (signal) => {
      if (secret === null)
        return { state: 'skipped', message: 'skipped, because there is no credential to open a tunnel with' };
      const target = {
        url: new URL(url),
        apiKey: await secret(),
        ca: withUsualCertificates(ca)?.join('\n'),
        agent: await proxyAgent(new URL(url)),
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
    const message = `WebSocket in ${upgradeMs} ms, answer of the edge in ${answerMs} ms`;
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
  'Something between this machine and Culvert accepts WebSockets and does not pass their messages. Ask its operator.';

function upgradeAdvice(status: number | null): string {
  switch (status) {
    case 401:
      return 'Culvert does not accept the credential. Sign in again, or use another key.';
    case 403:
      return 'The credential lacks the scope "tunnel". Use a key that has it.';
    case 429:
    case 503:
      return 'Culvert accepts no tunnels now. Try again in a moment.';
    case null:
      return 'Check that firewalls and proxies between this machine and Culvert let WebSockets pass.';
    default:
      return 'A proxy in front of Culvert does not pass WebSockets. It must forward Upgrade and Connection.';
  }
}
