/** Both ends of a tunnel in one process, or one end and a raw peer. */
import type { ReceiveBudget } from '@culvert/flow';
import type { Hello } from '../handshake.js';
import type { TunnelSettings } from '../settings.js';
import { acceptTunnel, dialTunnel } from '../tunnel.js';
import type { TunnelConnection } from '../connection.js';
import type { IncomingStream } from '../stream.js';
import type { PeerKind } from '../target.js';
import type { Stream } from '../types.js';
import { FrameType } from '../frame.js';
import { MemoryCarrier } from './memory-carrier.js';
import { HELLO, RawPeer, TARGET } from './raw-peer.js';
import { StreamRecorder, TunnelRecorder } from '@culvert/testkit';

export interface TunnelPair {
  readonly edge: TunnelConnection;
  readonly edgeRecorder: TunnelRecorder;
  readonly edgeCarrier: MemoryCarrier;
  readonly manager: TunnelConnection;
  readonly managerRecorder: TunnelRecorder;
  readonly managerCarrier: MemoryCarrier;
}

type Settings = Partial<TunnelSettings>;

/** Two open ends. */
export async function openPair(
  edgeSettings: Settings = {},
  managerSettings: Settings = {},
  peer: PeerKind = 'tunnel',
  budget?: ReceiveBudget,
): Promise<TunnelPair> {
  const [edgeCarrier, managerCarrier] = MemoryCarrier.pair();
  const edgeRecorder = new TunnelRecorder();
  const managerRecorder = new TunnelRecorder();
  const edge = acceptTunnel(edgeCarrier, {
    ...acceptOptions(edgeRecorder, edgeSettings),
    peer,
    ...(budget !== undefined && { budget }),
  });
  const manager = dialTunnel(managerCarrier, HELLO, {
    ...dialOptions(managerRecorder, managerSettings),
    peer,
  });
  await managerRecorder.until('open');
  return { edge, edgeRecorder, edgeCarrier, manager, managerRecorder, managerCarrier };
}

export interface StreamPair {
  /** The edge's side, which opened it. */
  readonly near: Stream;
  readonly nearRecorder: StreamRecorder;
  /** The manager's side. */
  readonly far: IncomingStream;
  readonly farRecorder: StreamRecorder;
}

/** A stream from the edge to the manager, accepted. */
export async function openStream(pair: TunnelPair): Promise<StreamPair> {
  const nearRecorder = new StreamRecorder();
  const near = pair.edge.openStream(TARGET, nearRecorder);
  if (near === null) throw new Error('no stream');
  await pair.managerRecorder.until(`stream ${near.id}`);
  const index = pair.managerRecorder.streams.findIndex(({ id }) => id === near.id);
  const far = pair.managerRecorder.streams[index];
  far.accept();
  await nearRecorder.until('open');
  return { near, nearRecorder, far, farRecorder: pair.managerRecorder.recorders[index] };
}

export interface RawEnd {
  readonly tunnel: TunnelConnection;
  readonly recorder: TunnelRecorder;
  readonly carrier: MemoryCarrier;
  readonly peer: RawPeer;
}

/** Returns an acceptor that has not received HELLO yet. */
export function acceptRaw(settings: Settings = {}): RawEnd {
  const [carrier, peerCarrier] = MemoryCarrier.pair();
  const recorder = new TunnelRecorder();
  const tunnel = acceptTunnel(carrier, acceptOptions(recorder, settings));
  return { tunnel, recorder, carrier, peer: new RawPeer(peerCarrier) };
}

/** An acceptor after the handshake with a raw dialer, whose ids are odd. */
export async function openRaw(settings: Settings = {}): Promise<RawEnd> {
  const raw = acceptRaw(settings);
  raw.peer.sendJson(FrameType.HELLO, 0, HELLO);
  await raw.peer.next(FrameType.WELCOME);
  return raw;
}

/** Creates a dialer whose HELLO a raw acceptor has received and not answered. */
export async function dialRaw(settings: Settings = {}): Promise<RawEnd> {
  const [carrier, peerCarrier] = MemoryCarrier.pair();
  const recorder = new TunnelRecorder();
  const tunnel = dialTunnel(carrier, HELLO, dialOptions(recorder, settings));
  const peer = new RawPeer(peerCarrier);
  await peer.next(FrameType.HELLO);
  return { tunnel, recorder, carrier, peer };
}

function dialOptions(recorder: TunnelRecorder, settings: Settings) {
  return {
    settings,
    onOpen: recorder.onOpen.bind(recorder),
    onGoAway: recorder.onGoAway.bind(recorder),
    onRefused: recorder.onRefused.bind(recorder),
    onStream: recorder.onStream.bind(recorder),
    onClose: recorder.onClose.bind(recorder),
    onFault: recorder.onFault.bind(recorder),
  };
}

function acceptOptions(recorder: TunnelRecorder, settings: Settings) {
  return {
    ...dialOptions(recorder, settings),
    onHello: (_hello: Hello) => Promise.resolve({ accept: { sessionId: 's1', resumed: true } }),
  };
}
