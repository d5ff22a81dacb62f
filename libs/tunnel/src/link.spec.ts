/** Tests the part of the protocol that only edges use between each other (docs/protocol.md §10). */
import { ReceiveBudget } from '@culvert/flow';
import { describe, expect, it } from 'vitest';
import { FrameType, GoAwayCode } from './frame.js';
import { TARGET, u16, u32 } from './spec/raw-peer.js';
import { StreamRecorder } from '@culvert/testkit';
import { openPair, openRaw } from './spec/tunnel-pair.js';
import { decodeTarget, encodeTarget } from './target.js';
import { ResetCode } from './types.js';

const ID = '6f1c2f8e-8f55-4d0a-9a53-6d5a2a4b7c10';
const FOR_MANAGER = { ...TARGET, trafficManagerId: ID };
const payloadOf = (value: unknown) => Buffer.concat([u32(0), Buffer.from(JSON.stringify(value))]);

describe('the traffic manager in OPEN', () => {
  it('travels on links only', () => {
    const onLink = encodeTarget(FOR_MANAGER, 'link')!;
    expect(decodeTarget(Buffer.concat([u32(0), onLink]), 'link')).toStrictEqual(FOR_MANAGER);
    expect(encodeTarget(FOR_MANAGER, 'tunnel')).toEqual(encodeTarget(TARGET, 'tunnel'));
  });

  it('is ignored when a traffic manager sends it', () => {
    expect(decodeTarget(payloadOf(FOR_MANAGER), 'tunnel')).toStrictEqual(TARGET);
  });

  it.each([['', 'empty'] as const, ['x'.repeat(65), 'too long'] as const, ['a\nb', 'not plain'] as const])(
    'is refused when it is %j (%s)',
    (trafficManagerId, _why) => {
      expect(() => decodeTarget(payloadOf({ ...TARGET, trafficManagerId }), 'link')).toThrow(
        'trafficManagerId must be a string of 1 to 64',
      );
      expect(encodeTarget({ ...TARGET, trafficManagerId }, 'link')).toBeNull();
    },
  );

  it('goes along with the protocol that is offered to the ingress', () => {
    const target = { ...FOR_MANAGER, tls: true, alpn: 'h2' as const };
    expect(decodeTarget(Buffer.concat([u32(0), encodeTarget(target, 'link')!]), 'link')).toStrictEqual(
      target,
    );
  });
});

/** Opens a stream at the end that dials, and has the other end reset it with `code`. */
async function resetWith(code: ResetCode, peer: 'link' | 'tunnel') {
  const both = await openPair({}, {}, peer);
  const recorder = new StreamRecorder();
  both.edge.openStream(FOR_MANAGER, recorder);
  await both.managerRecorder.until('stream');
  both.managerRecorder.streams[0].reset(code, 'why');
  return { event: await recorder.until('reset'), events: both.edgeRecorder.events };
}

describe('a reset', () => {
  it.each(['TUNNEL_LOST', 'INGRESS_PROTOCOL', 'NO_TUNNEL'] as const)(
    'with %s reaches another edge, but comes as INTERNAL from a traffic manager',
    async (name) => {
      expect((await resetWith(ResetCode[name], 'link')).event).toBe(`reset ${name}: why`);
      expect((await resetWith(ResetCode[name], 'tunnel')).event).toBe('reset INTERNAL: why');
    },
  );

  it.each([12, 13, 14, 15, 0, 65_535])('with code %i on the wire of a tunnel is INTERNAL', async (code) => {
    const { tunnel, peer } = await openRaw();
    const recorder = new StreamRecorder();
    const stream = tunnel.openStream(FOR_MANAGER, recorder)!;
    peer.send(FrameType.RESET, stream.id, u16(code));
    expect(await recorder.until('reset')).toBe('reset INTERNAL: ');
  });

  it.each(['NO_TUNNEL', 'STREAM_LIMIT'] as const)(
    'with %s names the refused traffic manager to the opener of a link, and to no other',
    async (name) => {
      expect((await resetWith(ResetCode[name], 'link')).events).toContain(`refused ${ID}: ${name}`);
      expect((await resetWith(ResetCode.STREAM_LIMIT, 'tunnel')).events.join()).not.toContain('refused');
    },
  );

  it.each(['NO_TUNNEL', 'STREAM_LIMIT'] as const)(
    'with %s does not count as a refusal once the stream is open',
    async (name) => {
      // Fault: a holder that had served the stream was treated as one without a tunnel of the traffic manager.
      const both = await openPair({}, {}, 'link');
      const recorder = new StreamRecorder();
      both.edge.openStream(FOR_MANAGER, recorder);
      await both.managerRecorder.until('stream');
      both.managerRecorder.streams[0].accept();
      both.managerRecorder.streams[0].reset(ResetCode[name], 'why');
      expect(await recorder.until('reset')).toBe(`reset ${name}: why`);
      expect(both.edgeRecorder.events.join()).not.toContain('refused');
    },
  );

  it('with another code does not count as a refusal', async () => {
    expect((await resetWith(ResetCode.INGRESS_REFUSED, 'link')).events.join()).not.toContain('refused');
  });
});

describe('a link whose other end has stalled', () => {
  it('takes no new streams, survives, and takes them again', async () => {
    // Fault: OPEN frames piled up until the link was closed with LIMIT, and all its streams were lost.
    const both = await openPair({ highWaterBytes: 1024, maxHeldControlBytes: 4096 }, {}, 'link');
    both.edgeCarrier.stall();
    const tryOpen = () => both.edge.openStream(FOR_MANAGER, new StreamRecorder());
    while (tryOpen() !== null) await new Promise((resolve) => setImmediate(resolve));
    expect(both.edge.state).toBe('open');
    both.edgeCarrier.unstall();
    await expect.poll(() => tryOpen() !== null).toBe(true);
  });
});

describe('the budget of several links', () => {
  it('is shared by them, and gets back what a link borrowed that is lost', async () => {
    const budget = new ReceiveBudget(1_000_000);
    const settings = { windowBytes: 16_384, openWindowBytes: 116_384 };
    const [one, other] = [
      await openPair(settings, {}, 'link', budget),
      await openPair(settings, {}, 'link', budget),
    ];
    one.edge.openStream(FOR_MANAGER, new StreamRecorder());
    other.edge.openStream(FOR_MANAGER, new StreamRecorder());
    expect(leftOf(budget)).toBe(800_000);
    other.edge.close(GoAwayCode.NORMAL, '');
    expect(leftOf(budget)).toBe(900_000);
  });
});

function leftOf(budget: ReceiveBudget): number {
  const left = budget.reserve(1_000_000);
  budget.release(left);
  return left;
}
