// The fuzzer's loop: make frames, check what must hold, and leave out frames while it still fails. No output here.
import assert from 'node:assert/strict';
import { MAX_ABANDONED, MAX_HELD_BYTES } from '../connection/limits.js';
import { Flag, FrameType, PREFACE } from '../frames/frame.js';
import { ClientRig } from './client-rig.js';
import { frame, Rig } from './connection-rig.js';
import { CLIENT_STREAMS, type End, FrameGenerator, mutate } from './generate.js';
import { runPair } from './pair.js';
import { Random } from './random.js';

const SETTINGS = frame(FrameType.SETTINGS, 0, 0);
const PING = frame(FrameType.PING, 0, 0, 'are you?');
const PONG = `PING ${Flag.ACK} ${Buffer.from('are you?').toString('hex')}`;

/** Bytes written for each byte read, at most: a frame of 9 bytes may be answered by one of 17, a request by a response. */
const MAX_AMPLIFICATION = 12;

/** One input and how it is checked. */
interface Case {
  readonly kind: End | 'pair';
  readonly seed: number;
  readonly frames: readonly Buffer[];
  /** Whether bytes were changed, so that frames need not end where the input does. */
  readonly isMutated: boolean;
}

export interface FuzzFailure extends Case {
  /** The number of the input in its run, from 0. */
  readonly iteration: number;
  readonly error: unknown;
}

export interface FuzzResult {
  readonly iterations: number;
  /** How often each verdict was reached, by `kind verdict`. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** The first failure, with as few frames as it fails with, or null. */
  readonly failure: FuzzFailure | null;
}

/** Checks inputs made from `seed` for as long as `goesOn` returns true. It is called before each input, with its number. */
export async function runFuzz(seed: number, goesOn: (iteration: number) => boolean): Promise<FuzzResult> {
  const random = new Random(seed);
  const verdicts = new Map<string, number>();
  let iteration = 0;
  for (; goesOn(iteration); iteration++) {
    const input = nextCase(random);
    try {
      const key = `${input.kind} ${await check(input)}`;
      verdicts.set(key, (verdicts.get(key) ?? 0) + 1);
    } catch {
      const shortest = await shorten(input);
      const error = await errorOf(shortest);
      return { iterations: iteration + 1, verdicts, failure: { ...shortest, iteration, error } };
    }
  }
  return { iterations: iteration, verdicts, failure: null };
}

function nextCase(random: Random): Case {
  const kind = random.pick(['server', 'client', 'pair'] as const);
  const seed = random.below(2 ** 31);
  if (kind === 'pair') return { kind, seed, frames: [], isMutated: false };
  const generator = new FrameGenerator(random, kind);
  const isMutated = random.oneIn(4);
  const frames = Array.from({ length: random.below(30) + 1 }, () => {
    const next = generator.next();
    return isMutated && random.oneIn(6) ? mutate(random, next) : next;
  });
  return { kind, seed, frames, isMutated };
}

async function check({ kind, seed, frames, isMutated }: Case): Promise<string> {
  if (kind === 'pair') return runPair(seed);
  const begin = kind === 'server' ? [PREFACE, SETTINGS] : [SETTINGS];
  const bytes = Buffer.concat([...begin, ...frames]);
  const whole = makeRig(kind, seed);
  whole.connection.push(bytes);
  const pieces = makeRig(kind, seed);
  const random = new Random(seed);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.pick([2, 40, 2000])));
    pieces.connection.push(bytes.subarray(at, end));
    at = end;
  }
  await whole.turn();
  // Except for one thing that may be reported early: that an empty DATA frame, which has arrived too, ends the request.
  assert.deepEqual(happened(pieces), happened(whole), 'splitting changes what happens');
  assert.deepEqual(pieces.frames, whole.frames, 'splitting changes what is answered');
  checkMemory(whole, bytes.length);
  const failed = whole.log.find((line) => line.startsWith('failed'));
  const isOver = failed !== undefined || whole.log.includes('drained');
  if (!isOver && !isMutated) {
    whole.connection.push(PING);
    await whole.turn();
    // A field block may be under way, which nothing may interrupt.
    const isBroken = whole.log.some((line) => line.startsWith('failed'));
    assert.ok(isBroken || whole.frames.includes(PONG), 'a connection that continues answers');
  }
  if (failed !== undefined) assert.match(whole.frames.at(-1) ?? '', /^GOAWAY /, 'GOAWAY is last');
  whole.connection.close();
  checkEnds(whole);
  return failed ?? (isOver ? 'drained' : 'continues');
}

function makeRig(kind: End, seed: number): Rig | ClientRig {
  const random = new Random(seed);
  if (kind === 'server') {
    return new Rig({}, (stream) => {
      const choice = random.below(5);
      if (choice > 0) stream.resume();
      if (choice > 2) {
        stream.beginHeaders(200);
        stream.sendHeaders({ endStream: false });
        stream.end(Buffer.alloc(choice === 3 ? 5 : 2000));
      } else if (choice === 2) {
        stream.reset(8);
      }
    });
  }
  const rig = new ClientRig();
  for (let i = 0; i < CLIENT_STREAMS; i++) {
    const stream = rig.request({
      method: random.pick(['GET', 'HEAD', 'POST', 'CONNECT']),
      endStream: random.oneIn(2),
      isPaused: random.oneIn(4),
    });
    stream.write(Buffer.alloc(random.pick([0, 10, 3000])));
    if (random.oneIn(2)) stream.end();
    if (random.oneIn(8)) stream.reset(8);
  }
  return rig;
}

function happened(rig: Rig | ClientRig): string[] {
  return rig.log.map((line) => line.replace(/ done$/, ''));
}

/** Checks that the memory and the output of a connection are bounded by its input. */
function checkMemory(rig: Rig | ClientRig, bytesRead: number): void {
  const { connection } = rig;
  assert.ok(connection.streamCount <= 8, 'as many streams as are allowed');
  assert.ok(connection.abandonedCount <= MAX_ABANDONED, 'as many ended streams as are remembered');
  assert.ok(
    rig.writtenBytes <= MAX_AMPLIFICATION * bytesRead + MAX_HELD_BYTES / 8,
    `${rig.writtenBytes} bytes for ${bytesRead}`,
  );
}

/** Checks that every stream has ended exactly once when the connection has, except for complete responses that are not read. */
function checkEnds(rig: Rig | ClientRig): void {
  for (const [id, stream] of rig.streams) {
    const closes = rig.log.filter((line) => line === `${id} close` || line.startsWith(`${id} close `)).length;
    if (closes === 0 && rig instanceof ClientRig) stream.resume();
    const now = rig.log.filter((line) => line === `${id} close` || line.startsWith(`${id} close `)).length;
    assert.equal(now, 1, `stream ${id} ends once`);
    assert.ok(stream.isClosed);
  }
  assert.equal(rig.connection.streamCount, 0);
}

async function errorOf(input: Case): Promise<unknown> {
  try {
    await check(input);
    return null;
  } catch (error) {
    return error;
  }
}

/** Leaves out frames while some check still fails. */
async function shorten(input: Case): Promise<Case> {
  let shortest = input;
  for (let at = 0; at < shortest.frames.length;) {
    const shorter = { ...shortest, frames: shortest.frames.toSpliced(at, 1) };
    if ((await errorOf(shorter)) === null) at++;
    else shortest = shorter;
  }
  return shortest;
}
