/** Checks the way to an acceptor without opening a tunnel: docs/protocol.md §3. */
import { randomUUID } from 'node:crypto';
import type { Carrier } from './carrier.js';
import { FrameDecoder } from './decode.js';
import { FrameType, GoAwayCode, goAwayName, HEADER_BYTES, toCloseStatus, toGoAwayCode } from './frame.js';
import { decodeText } from './text.js';
import { dialWebSocket, type DialTarget } from './websocket-dial.js';

/** A version that no end speaks. */
const NO_VERSION = 0;

/** Outcome of a probe, with the time of each phase in milliseconds. */
export type TunnelProbe =
  | { readonly ok: true; readonly upgradeMs: number; readonly answerMs: number }
  | {
      readonly ok: false;
      /** `upgrade`: there is no WebSocket. `handshake`: the acceptor did not answer HELLO as expected. */
      readonly phase: 'upgrade' | 'handshake';
      /** HTTP status of the answer to the upgrade request, or null without one. */
      readonly status: number | null;
      readonly reason: string;
    };

/**
 * Opens the carrier of a tunnel with the credential, and sends a HELLO that names no known version. Its answer is the expected
 * GOAWAY, before the acceptor registers anything. `timeoutMs` limits each phase. Never rejects.
 * @param version of this program, as HELLO names it
 */
export async function probeTunnel(target: DialTarget, version: string): Promise<TunnelProbe> {
  const startedAt = performance.now();
  const dialed = await dialWebSocket(target);
  if (!dialed.ok) return { ...dialed, phase: 'upgrade' };
  const upgradeMs = performance.now() - startedAt;
  const sentAt = performance.now();
  const reason = await askForGoAway(dialed.carrier, version, target);
  if (reason === null) return { ok: true, upgradeMs, answerMs: performance.now() - sentAt };
  return { ok: false, phase: 'handshake', status: null, reason };
}

/** Resolves with null after the expected answer, and otherwise with what happened instead. */
function askForGoAway(
  carrier: Carrier,
  version: string,
  { timeoutMs, signal }: DialTarget,
): Promise<string | null> {
  return new Promise((resolve) => {
    const settle = (reason: string | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      carrier.close(toCloseStatus(GoAwayCode.NORMAL), '');
      resolve(reason);
    };
    const abort = (): void => settle('the check was interrupted');
    const timer = setTimeout(() => settle(`the edge did not answer within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener('abort', abort);
    const decoder = new FrameDecoder({
      onFrame: (type, _id, payload) => settle(problemOf(type, payload)),
      onData: () => settle('the edge sent data before WELCOME'),
    });
    carrier.start({
      onMessage: (bytes) => {
        try {
          decoder.push(bytes);
        } catch (error) {
          settle(`the edge does not speak the protocol of tunnels: ${(error as Error).message}`);
        }
      },
      onSent: () => {},
      onClose: (status, reason) =>
        settle(`the connection ended with status ${status}${reason && `: ${reason}`}`),
    });
    carrier.send([helloOfNoVersion(version)]);
  });
}

function problemOf(type: number, payload: Buffer): string | null {
  if (type !== FrameType.GOAWAY) return `the edge answered HELLO with a frame of type ${type}`;
  const code = toGoAwayCode(payload.readUInt16BE(0));
  if (code === GoAwayCode.UNSUPPORTED_VERSION) return null;
  return `the edge answered HELLO with ${goAwayName(code)}: ${decodeText(payload.subarray(2))}`;
}

function helloOfNoVersion(version: string): Buffer {
  const identity = { managerId: 'connection-check', clusterId: '', name: 'connection check', version };
  const json = Buffer.from(JSON.stringify({ versions: [NO_VERSION], ...identity, instanceId: randomUUID() }));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FrameType.HELLO, 0);
  header.writeUIntBE(json.length, 1, 3);
  return Buffer.concat([header, json]);
}
