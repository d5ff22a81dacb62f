import type { ClusterEvent } from './event-bus.js';

const MAX_MESSAGE_LENGTH = 16 * 1024;

/** The fields, all text, of each type of event. The type allows neither a missing nor an extra field. */
const FIELDS: { readonly [Type in ClusterEvent['type']]: readonly FieldOf<Type>[] } = {
  'preview.changed': ['hostname'],
  'preview.removed': ['trafficManagerId', 'interceptId', 'hostname'],
  'api-key.revoked': ['apiKeyId'],
  'session.ended': ['sessionId', 'reason'],
  'user.changed': ['userId'],
  'resource.changed': ['teamId', 'resource', 'id', 'change'],
  'preview.watched': ['teamId', 'previewId', 'watcherId', 'phase', 'captures'],
  'replay.asked': ['teamId', 'previewId', 'trafficManagerId', 'replayId', 'exchangeId'],
};

/** Types of events that this version knows. */
export const EVENT_TYPES = Object.keys(FIELDS) as readonly ClusterEvent['type'][];

type FieldOf<Type> = Exclude<keyof Extract<ClusterEvent, { type: Type }>, 'type'>;

/** The message was not an event. */
export class MalformedEventError extends Error {
  readonly code = 'MALFORMED_EVENT';
}

export function encodeEvent(event: ClusterEvent): string {
  return JSON.stringify(event);
}

/**
 * Returns null for an event type that only a newer version knows.
 * @throws MalformedEventError
 */
export function decodeEvent(message: string): ClusterEvent | null {
  const value = parseObject(message);
  if (value === null || typeof value['type'] !== 'string') throw new MalformedEventError('not an event');
  const type = value['type'];
  if (!isKnown(type)) return null;
  const event: Record<string, string> = { type };
  for (const field of FIELDS[type]) {
    const text = value[field];
    if (typeof text !== 'string') throw new MalformedEventError(`${type} without ${field}`);
    event[field] = text;
  }
  return event as ClusterEvent;
}

function isKnown(type: string): type is ClusterEvent['type'] {
  return Object.hasOwn(FIELDS, type);
}

function parseObject(message: string): Record<string, unknown> | null {
  if (message.length > MAX_MESSAGE_LENGTH) return null;
  try {
    const value: unknown = JSON.parse(message);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
