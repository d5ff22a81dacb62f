import { InvalidArgumentError, Option } from 'commander';

const MAX_PORT = 65_535;

/** Returns the flag of commands that serve an inspector. */
export function inspectorPortFlag(): Option {
  return new Option(
    '--inspector-port <port>',
    'port of the page that shows requests, on this machine only; default: 4040, or the next free one',
  ).argParser(readPort);
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port >= 1 && port <= MAX_PORT) return port;
  throw new InvalidArgumentError(`Use a port from 1 to ${MAX_PORT}.`);
}
