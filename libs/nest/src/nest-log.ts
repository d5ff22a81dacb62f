import type { LoggerService } from '@nestjs/common';
import type { Logger as PinoLogger } from 'pino';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Parts of Nest that list every module and route at each start, which only people who debug it need. */
const DETAILED = new Set(['InstanceLoader', 'RouterExplorer', 'RoutesResolver']);

/**
 * Nest's logger on top of a log. Nest passes its context (a class name) last; an object as the message becomes fields
 * of the line.
 */
export class NestLog implements LoggerService {
  constructor(private readonly destination: PinoLogger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(DETAILED.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(level: Level, message: unknown, rest: readonly unknown[]): void {
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
