import { once } from 'node:events';
import { Server as NetServer } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { ClientError } from '../client-error.js';
import { parseTarget, type Target } from '../target/target.js';
import type { ExposeTarget } from './types.js';

/** A target, and what follows from its being a server of this process. */
export interface FoundTarget {
  readonly target: Target;
  /** Whether the target is a server of this process. */
  readonly isOwn: boolean;
}

/** Addresses of servers that listen everywhere. `localhost` reaches them by both address families. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['::', '0.0.0.0', '']);

/**
 * Finds the address of a target. Waits until a server of this process listens.
 * @throws ClientError, or the reason of the signal
 */
export async function targetOf(given: ExposeTarget, signal: AbortSignal | undefined): Promise<FoundTarget> {
  if (!(given instanceof NetServer)) {
    const target = parseTarget(given instanceof URL ? given.href : String(given));
    return { target, isOwn: false };
  }
  if (!given.listening)
    await once(given, 'listening', { signal }).catch((error: unknown) => refuse(error, signal));
  const address = given.address();
  if (address === null || typeof address === 'string') {
    throw new ClientError('usage', 'the server does not listen at a port', {
      hint: 'Let it listen at a port, not at a socket file.',
    });
  }
  const host = UNSPECIFIED.has(address.address) ? 'localhost' : address.address;
  const target = { host, port: address.port, isTls: given instanceof TlsServer };
  return { target, isOwn: true };
}

function refuse(error: unknown, signal: AbortSignal | undefined): never {
  if (signal?.aborted) throw signal.reason;
  const message = `the server does not listen: ${(error as Error).message}`;
  throw new ClientError('local', message, { hint: 'Start the server first.', cause: error });
}
