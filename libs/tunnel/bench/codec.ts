/**
 * What one frame costs, for the codec in use and for its plain twin. Run after a build:
 *   node dist/libs/tunnel/bench/codec.js
 * Bounded: each case runs for about a quarter of a second.
 */
import { FrameDecoder } from '../src/decode.js';
import { FrameBatch } from '../src/encode.js';
import { FrameType } from '../src/frame.js';
import { plainDecode, plainEncode } from '../src/spec/plain-codec.js';

const CASE_MS = 250;
const FRAMES_PER_MESSAGE = 32;

/** Runs `work`, which handles `frames` frames a call, and prints its cost. */
function measure(name: string, frames: number, work: () => void): void {
  for (let i = 0; i < 200; i++) work();
  let calls = 0;
  const start = performance.now();
  let now = start;
  while (now - start < CASE_MS) {
    for (let i = 0; i < 50; i++) work();
    calls += 50;
    now = performance.now();
  }
  const nanoseconds = ((now - start) * 1e6) / (calls * frames);
  process.stdout.write(`${name.padEnd(40)} ${nanoseconds.toFixed(0).padStart(7)} ns/frame\n`);
}

for (const bytes of [100, 1024, 16_384]) {
  const payload = Buffer.alloc(bytes, 1);
  const batch = new FrameBatch();
  measure(`encode DATA of ${bytes}`, FRAMES_PER_MESSAGE, () => {
    for (let id = 1; id <= FRAMES_PER_MESSAGE; id++) batch.data(id, payload);
    batch.drain({ detached: false });
  });
  measure(`encode DATA of ${bytes}, plain`, FRAMES_PER_MESSAGE, () => {
    const frames: Buffer[] = [];
    for (let id = 1; id <= FRAMES_PER_MESSAGE; id++)
      frames.push(plainEncode({ type: FrameType.DATA, id, payload }));
    Buffer.concat(frames);
  });

  const message = Buffer.concat(
    Array.from({ length: FRAMES_PER_MESSAGE }, (_, index) =>
      plainEncode({ type: FrameType.DATA, id: index + 1, payload }),
    ),
  );
  let seen = 0;
  const decoder = new FrameDecoder({
    onFrame: () => undefined,
    onData: (_id, piece) => {
      seen += piece.length;
    },
  });
  measure(`decode DATA of ${bytes}`, FRAMES_PER_MESSAGE, () => decoder.push(message));
  measure(`decode DATA of ${bytes}, plain`, FRAMES_PER_MESSAGE, () => {
    for (const frame of plainDecode(message)) seen += frame.payload.length;
  });
  if (seen === 0) throw new Error('nothing was decoded');
}

const batch = new FrameBatch();
measure('encode WINDOW', FRAMES_PER_MESSAGE, () => {
  for (let id = 1; id <= FRAMES_PER_MESSAGE; id++) batch.window(id, 131_072);
  batch.drain({ detached: false });
});
