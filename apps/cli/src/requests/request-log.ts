/** Prints requests as they arrive: one line or one JSON object each. */
import type { SeenRequest } from '@culvert/client';
import { RESPONSE_NOTES } from '@culvert/contract';
import type { Output } from '../output/output.js';

/** Limit of lines in a second: no one can read more, and printing would slow down the service. */
const MAX_LINES_PER_SECOND = 100;
const MAX_PATH_LENGTH = 120;
const MAX_METHOD_LENGTH = 20;
const SECOND_MS = 1000;

export class RequestLog {
  private shown = 0;
  private omitted = 0;
  private second: NodeJS.Timeout | null = null;

  /** @param endpoint name of the endpoint that gets the requests, if a command has several; '' otherwise */
  constructor(
    private readonly output: Output,
    private readonly endpoint = '',
  ) {}

  add(request: SeenRequest): void {
    this.second ??= setTimeout(() => this.nextSecond(), SECOND_MS).unref();
    // JSON is for programs: they get everything, as fast as they read.
    const isTooMuch = !this.output.isForPrograms && this.shown >= MAX_LINES_PER_SECOND;
    if (isTooMuch || this.output.isBehind) {
      this.omitted++;
      return;
    }
    this.shown++;
    this.output.event({ ...toEvent(request), ...this.mark }, () =>
      this.output.line(this.prefix + lineOf(request)),
    );
  }

  /** Prints how many requests were left out. */
  close(): void {
    if (this.second !== null) clearTimeout(this.second);
    this.nextSecond();
  }

  private get mark(): object {
    return this.endpoint === '' ? {} : { endpoint: this.endpoint };
  }

  private get prefix(): string {
    return this.endpoint === '' ? '' : `${this.endpoint} | `;
  }

  private nextSecond(): void {
    this.second = null;
    const { output, omitted } = this;
    if (omitted > 0) {
      output.event({ type: 'omitted', count: omitted, ...this.mark }, () =>
        output.note(`${this.prefix}… and ${omitted} more requests in that second`),
      );
    }
    this.shown = this.omitted = 0;
  }
}

/** Format of a request in `--output json`; times in milliseconds, sizes in bytes. */
export function toEvent(request: SeenRequest): object {
  const { startedAt, durationMs, upgrade, path, ...rest } = request;
  return {
    type: 'request',
    startedAt: startedAt.toISOString(),
    ...rest,
    path: shorten(path, 8192),
    upgrade: upgrade === '' ? null : upgrade,
    durationMs: Math.round(durationMs * 10) / 10,
  };
}

/** `14:03:27  200  GET     /basket  12 ms  3.4 kB` */
export function lineOf(request: SeenRequest): string {
  const { startedAt, method, path, state, status, upgrade, durationMs, sentBytes, failure, notes } = request;
  const time = startedAt.toTimeString().slice(0, 8);
  const what = [
    time,
    status === null ? '---' : String(status),
    ...(method === ''
      ? ['request not delivered']
      : [shorten(method, MAX_METHOD_LENGTH).padEnd(6), shorten(path, MAX_PATH_LENGTH)]),
  ];
  if (state === 'open') what.push(upgrade === '' ? 'stream open' : `${upgrade} open`);
  else if (method !== '') what.push(showDuration(durationMs), showBytes(sentBytes));
  if (failure !== null) what.push(failure);
  for (const code of notes) what.push(RESPONSE_NOTES[code]);
  return what.join('  ');
}

export function showDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

function shorten(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
