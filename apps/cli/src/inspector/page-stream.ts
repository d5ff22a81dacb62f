/** The stream of events to one open page. */
import type { ServerResponse } from 'node:http';
import type { ExchangeEvent, ExchangeWatcher } from './local-exchanges.js';

/** Characters that a page may leave unread; then its stream ends, and the page connects again. */
const MAX_WAITING_LENGTH = 16 * 1024 * 1024;

export class PageStream implements ExchangeWatcher {
  /** New events that wait until the past ones have been sent; null: they are sent at once. */
  private waiting: string[] | null = [];
  private waitingLength = 0;

  constructor(private readonly response: ServerResponse) {}

  /** Sends past events as fast as the page reads them, and then those that were passed to `send` meanwhile. */
  async sendPast(events: Iterable<ExchangeEvent>): Promise<void> {
    const { response } = this;
    for (const event of events) {
      if (response.destroyed) return;
      if (!response.write(textOf(event))) await drained(response);
    }
    const waiting = this.waiting ?? [];
    this.waiting = null;
    for (const text of waiting) this.write(text);
  }

  send(event: ExchangeEvent): void {
    const text = textOf(event);
    if (this.waiting === null) {
      this.write(text);
      return;
    }
    this.waiting.push(text);
    this.waitingLength += text.length;
    if (this.waitingLength > MAX_WAITING_LENGTH) this.response.destroy();
  }

  private write(text: string): void {
    const { response } = this;
    if (response.destroyed) return;
    response.write(text);
    if (response.writableLength > MAX_WAITING_LENGTH) response.destroy();
  }
}

/** Resolves when more can be written, or nothing any longer. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    if (response.destroyed) resolve();
    else response.on('drain', settle).on('close', settle);
  });
}

function textOf({ name, data }: ExchangeEvent): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}
