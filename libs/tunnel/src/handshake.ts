/** HELLO and WELCOME: docs/protocol.md §3. */
import {
  hasField,
  booleanField,
  integerField,
  integersField,
  parseFields,
  textField,
  textsField,
} from './fields.js';
import { ProtocolError } from './errors.js';
import { PROTOCOL_VERSION } from './frame.js';

/** A dialer's description of itself. */
export interface Hello {
  /** Identity of the manager, the same after every restart; 1 to 128 characters. */
  readonly managerId: string;
  /** Cluster that it runs in, or empty. */
  readonly clusterId: string;
  /** Name for people. */
  readonly name: string;
  /** Version of the program. */
  readonly version: string;
  /** Random, new with every start of the process; 1 to 64 characters. */
  readonly instanceId: string;
  /**
   * Edges to which the process has an open tunnel: at most MAX_EDGES ids of 1 to 64 characters. An edge that finds itself
   * here, and holds that tunnel, refuses another one with ALREADY_CONNECTED. Default: none.
   */
  readonly edges?: readonly string[];
  /**
   * Machines of those edges, where the process would like another one: at most MAX_EDGES ids of 1 to 64 characters. An edge
   * on one of them refuses the tunnel with ALREADY_CONNECTED if edges of other machines are alive. Default: none.
   */
  readonly machines?: readonly string[];
  /** Number of tunnels that the process keeps, 1 to MAX_WANTED_TUNNELS. Absent: it does not say. */
  readonly wantedTunnels?: number;
}

/** HELLO as it travels. */
export interface HelloFrame extends Hello {
  readonly versions: readonly number[];
  /** Maximum number of streams the dialer will hold, or null when it sets no limit. */
  readonly maxStreams: number | null;
}

/** Answer of an acceptor. */
export interface Welcome {
  readonly version: number;
  /** The session this tunnel belongs to. */
  readonly sessionId: string;
  /** Whether the session existed before. */
  readonly resumed: boolean;
  /** Maximum number of streams open at once in the tunnel, opened by either end. */
  readonly maxStreams: number;
  /** Credit that every stream starts with, in both directions. */
  readonly windowBytes: number;
  /** Maximum size to which a receiver may grow a window. */
  readonly maxWindowBytes: number;
  /** Silence after which an end sends PING. */
  readonly pingIntervalMs: number;
  /** Silence after which the peer is dead. */
  readonly pingTimeoutMs: number;
  /** Id of the edge, new with every start of its process. Absent from acceptors that have no id. */
  readonly edgeId?: string;
  /** Id of the machine on which the edge runs. Absent from acceptors that do not know it. */
  readonly machineId?: string;
}

const MAX_VERSIONS = 16;
const MAX_STREAMS = 65_535;
const MAX_ID_LENGTH = 64;

/** Maximum number of edges that a HELLO names. */
export const MAX_EDGES = 8;

/** Limit of `wantedTunnels`. */
export const MAX_WANTED_TUNNELS = 64;

/** Bounds of WELCOME's numbers, which both ends enforce. */
export const WELCOME_BOUNDS = {
  maxStreams: [1, MAX_STREAMS],
  windowBytes: [16_384, 1_048_576],
  maxWindowBytes: [16_384, 16_777_216],
  pingIntervalMs: [10, 60_000],
  pingTimeoutMs: [11, 600_000],
} as const;

export function encodeHello(hello: Hello, maxStreams: number): Buffer {
  const { managerId, clusterId, name, version, instanceId, wantedTunnels } = hello;
  const versions = [PROTOCOL_VERSION];
  const [edges, machines] = [listOf(hello.edges), listOf(hello.machines)];
  const identity = { managerId, clusterId, name, version, instanceId };
  return Buffer.from(JSON.stringify({ versions, ...identity, maxStreams, edges, machines, wantedTunnels }));
}

/** Returns what a HELLO may name of `ids`. JSON leaves out what is undefined. */
function listOf(ids: readonly string[] | undefined): readonly string[] | undefined {
  return ids?.length ? ids.slice(0, MAX_EDGES) : undefined;
}

/** Throws ProtocolError unless `payload` is a HELLO. */
export function decodeHello(payload: Buffer): HelloFrame {
  const fields = parseFields(payload, 'HELLO');
  return {
    versions: integersField(fields, 'versions', MAX_VERSIONS),
    managerId: textField(fields, 'managerId', 1, 128),
    clusterId: textField(fields, 'clusterId', 0, 128),
    name: textField(fields, 'name', 0, 128),
    version: textField(fields, 'version', 0, 64),
    instanceId: textField(fields, 'instanceId', 1, MAX_ID_LENGTH),
    ...(hasField(fields, 'edges') && { edges: textsField(fields, 'edges', MAX_EDGES, MAX_ID_LENGTH) }),
    ...(hasField(fields, 'machines') && {
      machines: textsField(fields, 'machines', MAX_EDGES, MAX_ID_LENGTH),
    }),
    ...(hasField(fields, 'wantedTunnels') && {
      wantedTunnels: integerField(fields, 'wantedTunnels', 1, MAX_WANTED_TUNNELS),
    }),
    maxStreams: hasField(fields, 'maxStreams') ? integerField(fields, 'maxStreams', 1, MAX_STREAMS) : null,
  };
}

export function encodeWelcome(welcome: Welcome): Buffer {
  return Buffer.from(JSON.stringify(welcome));
}

/** Throws ProtocolError unless `payload` is a WELCOME. */
export function decodeWelcome(payload: Buffer): Welcome {
  const fields = parseFields(payload, 'WELCOME');
  const welcome = {
    version: integerField(fields, 'version', PROTOCOL_VERSION, PROTOCOL_VERSION),
    sessionId: textField(fields, 'sessionId', 1, 128),
    resumed: booleanField(fields, 'resumed'),
    maxStreams: integerField(fields, 'maxStreams', ...WELCOME_BOUNDS.maxStreams),
    windowBytes: integerField(fields, 'windowBytes', ...WELCOME_BOUNDS.windowBytes),
    maxWindowBytes: integerField(fields, 'maxWindowBytes', ...WELCOME_BOUNDS.maxWindowBytes),
    pingIntervalMs: integerField(fields, 'pingIntervalMs', ...WELCOME_BOUNDS.pingIntervalMs),
    pingTimeoutMs: integerField(fields, 'pingTimeoutMs', ...WELCOME_BOUNDS.pingTimeoutMs),
    ...(hasField(fields, 'edgeId') && { edgeId: textField(fields, 'edgeId', 1, MAX_ID_LENGTH) }),
    ...(hasField(fields, 'machineId') && { machineId: textField(fields, 'machineId', 1, MAX_ID_LENGTH) }),
  };
  if (welcome.maxWindowBytes < welcome.windowBytes)
    throw new ProtocolError('maxWindowBytes is below windowBytes');
  if (welcome.pingTimeoutMs <= welcome.pingIntervalMs) {
    throw new ProtocolError('pingTimeoutMs is not above pingIntervalMs');
  }
  return welcome;
}
