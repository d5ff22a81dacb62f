import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { LogLevel } from '../settings/settings.js';
import { redactLine } from './redact.js';

/** A log of JSON lines, one per event, in which credentials do not appear. Goes to stderr unless told otherwise. */
export function createLog(options: {
  readonly level: LogLevel;
  readonly app: string;
  readonly destination?: DestinationStream;
}): PinoLogger {
  return pino(
    {
      level: options.level,
      base: { app: options.app },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      hooks: { streamWrite: redactLine },
    },
    // Synchronous: the line that explains a crash is written before the process is gone.
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/**
 * Nest's logger on top of a log. Nest passes its context (a class name) last; an object passed as the message
 * becomes fields of the line.
 */
export class NestLog implements LoggerService {
  constructor(private readonly destination: PinoLogger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  #write(level: Level, message: unknown, rest: readonly unknown[]): void {
    const context = rest.at(-1);
    const fields: Record<string, unknown> = typeof context === 'string' ? { context } : {};
    const stack = rest.length > 1 ? rest[0] : undefined;
    if (stack instanceof Error) fields['err'] = stack;
    else if (typeof stack === 'string') fields['stack'] = stack;

    if (message instanceof Error) this.destination[level]({ ...fields, err: message });
    else if (typeof message === 'object' && message !== null)
      this.destination[level]({ ...fields, ...message });
    else this.destination[level](fields, String(message));
  }
}
