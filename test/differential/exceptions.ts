import type { Readings } from './readings.js';
import type { ResponseCase } from './response-cases.js';

/** An intended difference, with the page that explains it. */
export interface Exception {
  /**
   * - `both`: both judges deliver the response, but the relay does not deliver the same
   * - `alone`: the relay delivers what no judge delivers
   * - `extras`: interim responses or trailers differ from what Node reads
   * - `versions`: HTTP/1.1 and HTTP/2 visitors get different responses
   */
  readonly kind: 'both' | 'alone' | 'extras' | 'versions';
  readonly why: string;
  readonly applies: (input: ResponseCase, readings: Readings) => boolean;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    kind: 'both',
    why: 'docs/http1.md §9: 205 never has a body, as in browsers',
    applies: (_input, { node }) => node.kind === 'answer' && node.status === 205,
  },
  ...(['alone', 'extras'] as const).map((kind) => ({
    kind,
    why: 'docs/http1.md §9: 205 never has a body, and so no trailers, as in browsers',
    applies: (_input: ResponseCase, { relay }: Readings) => relay.kind === 'answer' && relay.status === 205,
  })),
  {
    kind: 'both',
    why: 'docs/http1.md §9: no status is below 100, and HTTP/2 cannot express one',
    applies: (_input, { node }) => node.kind === 'answer' && node.status < 100,
  },
  {
    kind: 'both',
    why: 'docs/http1.md §8: protocols are switched only if the request asks for it',
    applies: (_input, { node }) => node.kind === 'answer' && node.status === 101,
  },
  {
    kind: 'both',
    why: 'docs/http1.md §9: the meaning of versions other than HTTP/1.0 and HTTP/1.1 in text is not known',
    applies: ({ bytes }) => /HTTP\/(?:0\.9|1\.2|2\.0) /.test(bytes),
  },
  {
    kind: 'both',
    why: 'docs/http1.md §2.1: an empty line before a response belongs to something else',
    applies: ({ bytes }) => bytes.startsWith('\r\n'),
  },
  {
    kind: 'alone',
    why:
      'docs/http1.md §9: interim responses pass; nginx reads none, and Node treats one of HTTP/1.0 as the ' +
      'end',
    applies: (_input, { relay }) => relay.kind === 'answer' && relay.interims.length > 0,
  },
  {
    kind: 'both',
    why: 'docs/http1.md §6: a Transfer-Encoding other than chunked, or beside Content-Length, is refused',
    applies: ({ bytes }, { relay }) => relay.kind === 'refused' && hasOddCoding(bytes),
  },
  ...(['both', 'alone'] as const).map((kind) => ({
    kind,
    why: 'docs/http1.md §8: fields that Connection names are removed (RFC 9110 §7.6.1)',
    applies: ({ bytes }: ResponseCase) => /^Connection: X-A\r?$/m.test(bytes),
  })),
];

function hasOddCoding(bytes: string): boolean {
  const codings = [...bytes.matchAll(/^transfer-encoding:([^\r\n]*)/gim)].map(([, value]) => value);
  const hasOther = codings.some((value) => value.trim().toLowerCase() !== 'chunked' || value.includes('\t'));
  return hasOther || (codings.length > 0 && /^content-length:/im.test(bytes));
}
