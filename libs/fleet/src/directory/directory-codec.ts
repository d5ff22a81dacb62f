/**
 * What edges write to Redis and announce to each other. The text of another version, or of another program, decodes to
 * null: a directory ignores it. `docs/fleet.md` describes the formats.
 */
import type { EdgeNode, Holding } from './directory.js';

/** Limit of an id of an edge or of a traffic manager, in characters. */
export const MAX_ID_LENGTH = 64;
/** Limit of the record of one edge, in characters. */
const MAX_EDGE_LENGTH = 2_048;
/** Limit of one holding, in characters. */
const MAX_HOLDING_LENGTH = 256;
/** Limit of an announcement, in characters. */
export const MAX_MESSAGE_LENGTH = 1024 * 1024;

/** The record of an edge, as in its key. */
export interface EdgeRecord {
  readonly node: EdgeNode;
  /**
   * True if Redis has everything that the edge holds. While it is false, a missing holding does not prove that the edge
   * holds nothing.
   */
  readonly isComplete: boolean;
  /** How many traffic managers have tunnels to it; 0 if it does not say. */
  readonly heldCount: number;
}

/** A holding, and the number of the write that it came with: an edge counts its writes. */
export interface NumberedHolding extends Holding {
  readonly sequence: number;
}

/** One change in an announcement. `holding` is null if the edge no longer holds a tunnel. */
export interface HoldingChange {
  readonly trafficManagerId: string;
  readonly sequence: number;
  readonly holding: NumberedHolding | null;
}

/** A message between directories. */
export type DirectoryMessage =
  | { readonly type: 'edge'; readonly record: EdgeRecord }
  | { readonly type: 'gone'; readonly edgeId: string }
  | { readonly type: 'holdings'; readonly edgeId: string; readonly changes: readonly HoldingChange[] }
  | { readonly type: 'confirm'; readonly trafficManagerIds: readonly string[] };

/** Data in Redis that this version cannot read. */
export class MalformedDirectoryDataError extends Error {
  constructor(readonly kind: 'edge' | 'holding' | 'message' | 'type') {
    super(`ignored data in Redis that is not a directory's (${kind}); later ones are not reported`);
    this.name = 'MalformedDirectoryDataError';
  }
}

/** Reports whether `id` can be the id of an edge. */
export function isEdgeId(id: unknown): id is string {
  return typeof id === 'string' && /^[\w.-]{1,64}$/.test(id);
}

export function encodeEdge(record: EdgeRecord): string {
  return JSON.stringify(membersOf(record));
}

export function decodeEdge(id: string, text: string): EdgeRecord | null {
  if (!isEdgeId(id) || text.length > MAX_EDGE_LENGTH) return null;
  return readEdge(id, parse(text));
}

/** Writes `tunnels,streams,round trip,longest idle,sequence`: short, because Redis has millions of them. */
export function encodeHolding(holding: Holding, sequence: number): string {
  const { tunnelCount, streamCount, roundTripMs, maxIdleStreamMs } = holding;
  return `${tunnelCount},${streamCount},${Math.round(roundTripMs * 100) / 100},${maxIdleStreamMs ?? ''},${sequence}`;
}

/** Reads a holding. Further members, of a later version, are ignored. */
export function decodeHolding(text: string): NumberedHolding | null {
  if (text.length > MAX_HOLDING_LENGTH) return null;
  const parts = text.split(',', 6);
  if (parts.length < 5) return null;
  const tunnelCount = count(parts[0]);
  const streamCount = count(parts[1]);
  const roundTripMs = amount(parts[2]);
  const maxIdleStreamMs = amount(parts[3]);
  const sequence = count(parts[4]);
  // A comparison with NaN is false.
  if (!(tunnelCount > 0 && streamCount >= 0 && roundTripMs >= 0 && sequence >= 0)) return null;
  if (parts[3] === '') return { tunnelCount, streamCount, roundTripMs, sequence };
  return maxIdleStreamMs >= 0 ? { tunnelCount, streamCount, roundTripMs, maxIdleStreamMs, sequence } : null;
}

export function encodeEdgeMessage(record: EdgeRecord): string {
  return JSON.stringify({ type: 'edge', id: record.node.id, ...membersOf(record) });
}

function membersOf({ node, isComplete, heldCount }: EdgeRecord) {
  const { name, address, machineId, socketPath } = node;
  return { name, address, machineId, socketPath, isComplete, heldCount };
}

export function encodeGone(edgeId: string): string {
  return JSON.stringify({ type: 'gone', id: edgeId });
}

/** Writes changes: `[traffic manager, holding]`, or `[traffic manager, null, sequence]` after the last tunnel. */
export function encodeChanges(edgeId: string, changes: readonly (readonly unknown[])[]): string {
  return JSON.stringify({ type: 'holdings', id: edgeId, changes });
}

export function encodeConfirm(trafficManagerIds: readonly string[]): string {
  return JSON.stringify({ type: 'confirm', trafficManagerIds });
}

/** Reads a message. Returns undefined for a type of a later version, and null for anything else that is not a message. */
export function decodeMessage(text: string): DirectoryMessage | null | undefined {
  if (text.length > MAX_MESSAGE_LENGTH) return null;
  const message = parse(text);
  if (message === null || typeof message['type'] !== 'string') return null;
  const id = message['id'];
  switch (message['type']) {
    case 'edge': {
      const record = isEdgeId(id) ? readEdge(id, message) : null;
      return record && { type: 'edge', record };
    }
    case 'gone':
      return isEdgeId(id) ? { type: 'gone', edgeId: id } : null;
    case 'holdings':
      return isEdgeId(id) ? readChanges(id, message['changes']) : null;
    case 'confirm': {
      const ids = message['trafficManagerIds'];
      if (!Array.isArray(ids) || !ids.every(isTrafficManagerId)) return null;
      return { type: 'confirm', trafficManagerIds: ids };
    }
    default:
      return undefined;
  }
}

function readChanges(edgeId: string, changes: unknown): DirectoryMessage | null {
  if (!Array.isArray(changes)) return null;
  const read: HoldingChange[] = [];
  for (const change of changes as unknown[]) {
    if (!Array.isArray(change)) return null;
    const [trafficManagerId, text, removedAt] = change as unknown[];
    if (!isTrafficManagerId(trafficManagerId)) return null;
    const holding = typeof text === 'string' ? decodeHolding(text) : null;
    if (holding === null && !(text === null && Number.isSafeInteger(removedAt))) return null;
    read.push({ trafficManagerId, sequence: holding?.sequence ?? (removedAt as number), holding });
  }
  return { type: 'holdings', edgeId, changes: read };
}

function isTrafficManagerId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= MAX_ID_LENGTH;
}

function readEdge(id: string, record: Record<string, unknown> | null): EdgeRecord | null {
  if (record === null) return null;
  const { name, address, machineId, socketPath, isComplete, heldCount } = record;
  if (!isText(address) || !isText(machineId) || typeof isComplete !== 'boolean') return null;
  if (socketPath !== undefined && !isText(socketPath)) return null;
  return {
    node: {
      id,
      address,
      machineId,
      ...(socketPath !== undefined && { socketPath }),
      ...(isName(name) && { name }),
    },
    isComplete,
    heldCount: Number.isSafeInteger(heldCount) ? Math.max(0, heldCount as number) : 0,
  };
}

/** A name of people's log lines has no control characters. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,100}$/u.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 512;
}

function count(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function amount(text: string): number {
  return /^\d{1,12}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
