/** The events of a response of the type `text/event-stream`: blocks of lines with an empty line after each. */
import { KeptBytes, type MessageMemory } from './kept-bytes.js';
import { MAX_CONTENT_BYTES } from './limits.js';
import type { ByteReader, MessageSink } from './observed-message.js';

const CR = 0x0d;
const LF = 0x0a;

export class EventMessages implements ByteReader {
  private readonly kept: KeptBytes;
  private bytes = 0;
  /** Whether the content of the current event is kept. */
  private isRead = false;
  private isLineEmpty = true;
  private isAfterCr = false;

  constructor(
    memory: MessageMemory,
    private readonly sink: MessageSink,
  ) {
    this.kept = new KeptBytes(memory);
  }

  push(buffer: Buffer, start: number, end: number): void {
    let lineStart = start;
    for (let at = start; at < end; at++) {
      const byte = buffer[at];
      if (byte !== CR && byte !== LF) {
        this.isLineEmpty = false;
        this.isAfterCr = false;
        continue;
      }
      // The LF of a CRLF, whose CR has ended the line.
      const isSecond = byte === LF && this.isAfterCr;
      this.isAfterCr = byte === CR;
      if (isSecond) {
        lineStart = at + 1;
        continue;
      }
      this.keep(buffer, lineStart, at);
      this.endLine();
      lineStart = at + 1;
    }
    this.keep(buffer, lineStart, end);
  }

  close(): void {
    this.kept.free();
  }

  private keep(buffer: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.bytes === 0) this.isRead = this.sink.begin();
    this.bytes += end - start;
    if (this.isRead) this.kept.add(buffer, start, end, MAX_CONTENT_BYTES);
  }

  private endLine(): void {
    if (!this.isLineEmpty) {
      this.isLineEmpty = true;
      this.keep(LINE_END, 0, 1);
      return;
    }
    const { bytes } = this;
    if (bytes === 0) return;
    this.bytes = 0;
    if (!this.isRead) {
      this.sink.count('response', bytes);
      return;
    }
    const content = Buffer.from(this.kept.bytes);
    this.kept.clear();
    this.sink.add({
      direction: 'response',
      kind: 'event',
      bytes,
      isCompressed: false,
      code: null,
      content,
      isTruncated: content.length < bytes,
    });
  }
}

const LINE_END = Buffer.from('\n');
