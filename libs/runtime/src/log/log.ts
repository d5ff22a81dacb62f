import { destination, pino, type DestinationStream, type Logger } from 'pino';
import { redactLine } from './redact.js';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;

/**
 * Creates the log of a program: JSON lines, one per event, with credentials redacted. All programs of Culvert use it. Writes to
 * stderr by default.
 */
export function createLog(options: {
  readonly level: LogLevel;
  readonly app: string;
  readonly destination?: DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { app: options.app },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      hooks: { streamWrite: redactLine },
    },
    options.destination ?? standardError(),
  );
}

function standardError(): DestinationStream {
  // Synchronous: the line that explains a crash is written before the process is gone.
  const stream = destination({ dest: STDERR, sync: true });
  // pino stops by itself when a pipe has lost its reader (EPIPE). A closed terminal gives EIO.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EIO') throw error;
    stream.write = () => true;
  });
  return stream;
}
