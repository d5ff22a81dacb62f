/**
 * Puts the banner into the body of one page while it passes. Bytes are forwarded as they come: of plain pages at once, of
 * compressed ones through zlib, which is flushed after each piece. At most the first characters of one tag are held.
 */
import zlib from 'node:zlib';
import type { ResponseHead } from '@culvert/http1';
import type { BodySink, FilteredBody } from '@culvert/relay';
import { InsertionPoint } from './insertion-point.js';
import type { PageCoding } from './page-response.js';

/** Limit of the unpacked size: a larger page is an attack on the machine. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

/** Unpacked and packed bytes per step. */
const STEP_BYTES = 16_384;

/** Finds the insertion point, and inserts the banner there. */
class Placement {
  private readonly point = new InsertionPoint();
  private held: Buffer | null = null;

  constructor(private readonly banner: Buffer) {}

  push(piece: Buffer, emit: (bytes: Buffer) => void): void {
    if (this.point.isOver) {
      emit(piece);
      return;
    }
    const bytes = this.held === null ? piece : Buffer.concat([this.held, piece]);
    this.held = null;
    const at = this.point.scan(bytes, 0, bytes.length);
    if (at >= 0) {
      if (at > 0) emit(bytes.subarray(0, at));
      emit(this.banner);
      if (at < bytes.length) emit(bytes.subarray(at));
      return;
    }
    const { heldBytes } = this.point;
    if (heldBytes > 0) this.held = Buffer.from(bytes.subarray(bytes.length - heldBytes));
    if (heldBytes < bytes.length) emit(bytes.subarray(0, bytes.length - heldBytes));
  }

  end(emit: (bytes: Buffer) => void): void {
    if (this.point.isAtEnd) emit(this.banner);
    if (this.held !== null) emit(this.held);
  }
}

/** A page that is not compressed. */
export class PlainPage implements FilteredBody {
  readonly isDeferred = false;
  private readonly placement: Placement;
  private hasRoom = true;

  constructor(
    readonly head: ResponseHead,
    banner: Buffer,
    private readonly sink: BodySink,
  ) {
    this.placement = new Placement(banner);
  }

  push(chunk: Buffer, start: number, end: number): boolean {
    this.hasRoom = true;
    this.placement.push(chunk.subarray(start, end), this.emit);
    return this.hasRoom;
  }

  end(): void {
    this.placement.end(this.emit);
    this.sink.handleFilterEnd();
  }

  resume(): void {
    this.sink.handleFilterRoom();
  }

  destroy(): void {}

  private readonly emit = (bytes: Buffer): void => {
    if (!this.sink.sendFiltered(bytes)) this.hasRoom = false;
  };
}

type Coder = zlib.Gunzip | zlib.BrotliDecompress | zlib.Gzip | zlib.BrotliCompress;

/** A page that passes through zlib on both sides of the banner: its end comes later than `end`. */
export class CodedPage implements FilteredBody {
  readonly isDeferred = true;
  private readonly placement: Placement;
  private readonly encoder: Coder;
  private decoder: Coder | null = null;
  private unpackedBytes = 0;

  /** @param release is called once, when no part of the page is held any longer */
  constructor(
    private readonly coding: Exclude<PageCoding, 'identity'>,
    readonly head: ResponseHead,
    banner: Buffer,
    private readonly sink: BodySink,
    private readonly release: () => void,
  ) {
    this.placement = new Placement(banner);
    this.encoder = encoderOf(coding);
    this.encoder.on('data', (bytes: Buffer) => {
      if (!sink.sendFiltered(bytes)) this.encoder.pause();
    });
    this.encoder.on('drain', () => this.decoder?.resume());
    this.encoder.on('end', () => sink.handleFilterEnd());
    this.encoder.on('error', (error) => sink.handleFilterFault(malformed(error.message)));
  }

  push(chunk: Buffer, start: number, end: number): boolean {
    this.decoder ??= this.openDecoder(chunk[start]);
    return this.decoder.write(chunk.subarray(start, end));
  }

  end(): void {
    // Without a byte there is neither data to unpack nor a page.
    if (this.decoder === null) this.sink.handleFilterEnd();
    else this.decoder.end();
  }

  resume(): void {
    this.encoder.resume();
  }

  destroy(): void {
    this.decoder?.destroy();
    this.encoder.destroy();
    this.release();
  }

  private openDecoder(firstByte: number): Coder {
    const decoder = decoderOf(this.coding, firstByte);
    decoder.on('data', (bytes: Buffer) => this.receiveUnpacked(decoder, bytes));
    decoder.on('drain', () => this.sink.handleFilterRoom());
    decoder.on('end', () => {
      this.placement.end(this.emit);
      this.encoder.end();
    });
    decoder.on('error', (error) => this.sink.handleFilterFault(malformed(error.message)));
    return decoder;
  }

  private receiveUnpacked(decoder: Coder, bytes: Buffer): void {
    this.unpackedBytes += bytes.length;
    if (this.unpackedBytes > MAX_UNPACKED_BYTES) {
      this.sink.handleFilterFault(malformed(`a page unpacks to more than ${MAX_UNPACKED_BYTES} bytes`));
      return;
    }
    this.placement.push(bytes, this.emit);
    this.encoder.flush(
      this.coding === 'br' ? zlib.constants.BROTLI_OPERATION_FLUSH : zlib.constants.Z_SYNC_FLUSH,
    );
    if (this.encoder.writableNeedDrain) decoder.pause();
  }

  private readonly emit = (bytes: Buffer): void => {
    this.encoder.write(bytes);
  };
}

// A truncated page is forwarded as far as it came, as browsers show it.
const CUT_OFF = { finishFlush: zlib.constants.Z_SYNC_FLUSH, chunkSize: STEP_BYTES };

function decoderOf(coding: Exclude<PageCoding, 'identity'>, firstByte: number): Coder {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip(CUT_OFF);
    case 'deflate':
      // Some services send it without its wrapper (RFC 9110 §8.4.1.2); the wrapper begins with its method, 8.
      return (firstByte & 0x0f) === 8 ? zlib.createInflate(CUT_OFF) : zlib.createInflateRaw(CUT_OFF);
    case 'br':
      return zlib.createBrotliDecompress({
        finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
        chunkSize: STEP_BYTES,
      });
    default:
      throw new Error(`unhandled coding ${String(coding satisfies never)}`);
  }
}

/** Compression levels that cost about as much as unpacking did. */
function encoderOf(coding: Exclude<PageCoding, 'identity'>): Coder {
  switch (coding) {
    case 'gzip':
      return zlib.createGzip({ level: 3, chunkSize: STEP_BYTES });
    case 'deflate':
      return zlib.createDeflate({ level: 3, chunkSize: STEP_BYTES });
    case 'br':
      return zlib.createBrotliCompress({
        chunkSize: STEP_BYTES,
        params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3, [zlib.constants.BROTLI_PARAM_LGWIN]: 18 },
      });
    default:
      throw new Error(`unhandled coding ${String(coding satisfies never)}`);
  }
}

function malformed(what: string): string {
  return `The service sent a malformed page: ${what}.`;
}
