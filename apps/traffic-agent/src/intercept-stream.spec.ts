import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { beforeEach, describe, expect, it } from 'vitest';
import { InterceptStream } from './intercept-stream.js';

/** Records the calls of a stream, and keeps the handler of its events. */
class FakeStream implements Stream {
  readonly id = 1;
  isOpen = true;
  hasRoom = true;
  readonly calls: string[] = [];
  constructor(public handler: StreamHandler) {}
  write(chunk: Buffer): boolean {
    this.calls.push(`write ${chunk.length > 20 ? chunk.length : chunk.toString()}`);
    return this.hasRoom;
  }
  end(): void {
    this.calls.push('end');
  }
  reset(code: ResetCode): void {
    this.calls.push(`reset ${code}`);
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

let heard: string[];
let application: FakeStream | null;
let client: FakeStream;
let stream: InterceptStream;

function open(hasTunnel = true): void {
  heard = [];
  application = null;
  const handler: StreamHandler = {
    onOpen: () => void heard.push('open'),
    onData: (chunk) => void heard.push(`data ${chunk.toString()}`),
    onEnd: () => void heard.push('end'),
    onReset: (code) => void heard.push(`reset ${code}`),
    onDrain: () => void heard.push('drain'),
  };
  stream = new InterceptStream(
    (events) => (hasTunnel ? (client = new FakeStream(events)) : null),
    (events) => (application = new FakeStream(events)),
    handler,
    (code) => void heard.push(`fallback ${code}`),
  );
}
beforeEach(() => open());

describe('the stream of an intercepted request', () => {
  it("holds what is written until the client's target is connected", () => {
    stream.write(Buffer.from('GET /'));
    stream.end();
    expect(client.calls).toEqual([]);
    stream.onOpen();
    expect(client.calls).toEqual(['write GET /', 'end']);
    expect(heard).toEqual(['open']);
    stream.onData(Buffer.from('200'));
    expect(heard).toEqual(['open', 'data 200']);
  });

  it('bounds held bytes, and reports when there is room again', () => {
    expect(stream.write(Buffer.alloc(65_535))).toBe(true);
    expect(stream.write(Buffer.alloc(1))).toBe(false);
    stream.onOpen();
    expect(heard).toEqual(['drain', 'open']);
  });

  it('waits for room at the client when that is full at once', () => {
    client.hasRoom = false;
    stream.write(Buffer.alloc(65_536));
    stream.onOpen();
    expect(heard).toEqual(['open']);
    stream.onDrain();
    expect(heard).toEqual(['open', 'drain']);
  });

  it.each([
    ResetCode.INGRESS_UNREACHABLE,
    ResetCode.STREAM_LIMIT,
    ResetCode.INTERNAL,
    ResetCode.FORBIDDEN,
    ResetCode.TUNNEL_LOST,
    ResetCode.INGRESS_RESET,
  ])('goes to the application when it is reset with %i before it is open', (code) => {
    stream.write(Buffer.from('GET /'));
    stream.onReset(code, '');
    expect(application!.calls).toEqual(['write GET /']);
    expect(stream.hasFallenBack).toBe(true);
    expect(heard).toEqual([`fallback ${code}`]);
    stream.write(Buffer.from('more'));
    expect(application!.calls).toEqual(['write GET /', 'write more']);
    stream.onReset(ResetCode.INGRESS_RESET, '');
    expect(heard.at(-1)).toBe(`reset ${ResetCode.INGRESS_RESET}`);
  });

  it('goes to the application when there is no tunnel', () => {
    open(false);
    stream.write(Buffer.from('GET /'));
    expect(application!.calls).toEqual(['write GET /']);
    expect(heard).toEqual(['fallback null']);
  });

  it.each([ResetCode.INGRESS_REFUSED, ResetCode.INGRESS_TIMEOUT, ResetCode.INGRESS_DNS])(
    "reports the target's own failure %i",
    (code) => {
      stream.write(Buffer.from('GET /'));
      stream.onReset(code, '');
      expect(application).toBeNull();
      expect(heard).toEqual([`reset ${code}`]);
    },
  );

  it('reports a request in progress as repeatable when the client is lost', () => {
    stream.onOpen();
    stream.onReset(ResetCode.INGRESS_RESET, '');
    expect(application).toBeNull();
    expect(heard).toEqual(['open', `reset ${ResetCode.TUNNEL_LOST}`]);
  });
});
