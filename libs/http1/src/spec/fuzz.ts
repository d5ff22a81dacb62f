// The fuzzer's loop: generate an input, check the properties, and shorten a failing one. No clock and no output here.
import type { ChunkedLimits, HeadLimits } from '../limits.js';
import { DEFAULT_CHUNKED_LIMITS, DEFAULT_HEAD_LIMITS } from '../limits.js';
import { generateChunked, generateRequest, generateResponse, mutate } from './generate.js';
import type { Verdict } from './properties.js';
import { checkChunked, checkRequest, checkResponse } from './properties.js';
import { Random } from './random.js';

// Small enough for generated inputs to reach them.
const TIGHT_HEAD: HeadLimits = { maxHeadBytes: 240, maxFieldCount: 5, maxTargetBytes: 20 };
const TIGHT_CHUNKED: ChunkedLimits = { maxExtensionBytes: 12, maxTrailerBytes: 60, maxTrailerCount: 2 };

type Kind = 'request' | 'response' | 'chunked';

/** One input and how it is checked. */
interface Case {
  readonly kind: Kind;
  readonly limits: 'default' | 'tight';
  readonly requestMethod: string;
  readonly text: string;
}

export interface FuzzFailure extends Case {
  /** The number of the input in its run, from 0. */
  readonly iteration: number;
  readonly error: unknown;
}

export interface FuzzResult {
  readonly iterations: number;
  /** Number of times each verdict was reached, by `kind verdict`. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** The first failure, with its input as short as possible, or null. */
  readonly failure: FuzzFailure | null;
}

/** Checks inputs generated from `seed` for as long as `goesOn` returns true, which is called before each with its number. */
export function runFuzz(seed: number, goesOn: (iteration: number) => boolean): FuzzResult {
  const random = new Random(seed);
  const verdicts = new Map<string, number>();
  let iteration = 0;
  for (; goesOn(iteration); iteration++) {
    const input = nextCase(random);
    try {
      const key = `${input.kind} ${check(input)}`;
      verdicts.set(key, (verdicts.get(key) ?? 0) + 1);
    } catch {
      const shortest = shorten(input);
      return {
        iterations: iteration + 1,
        verdicts,
        failure: { ...shortest, iteration, error: errorOf(shortest) },
      };
    }
  }
  return { iterations: iteration, verdicts, failure: null };
}

const GENERATORS = { request: generateRequest, response: generateResponse, chunked: generateChunked };

function nextCase(random: Random): Case {
  const kind = random.pick<Kind>(['request', 'request', 'response', 'chunked']);
  const generated = GENERATORS[kind](random);
  return {
    kind,
    limits: random.oneIn(4) ? 'tight' : 'default',
    requestMethod: random.pick(['GET', 'HEAD', 'POST']),
    text: random.oneIn(2) ? mutate(random, generated) : generated,
  };
}

function check({ kind, limits, requestMethod, text }: Case): Verdict {
  const headLimits = limits === 'tight' ? TIGHT_HEAD : DEFAULT_HEAD_LIMITS;
  switch (kind) {
    case 'request':
      return checkRequest(text, headLimits);
    case 'response':
      return checkResponse(text, headLimits, requestMethod);
    case 'chunked':
      return checkChunked(text, limits === 'tight' ? TIGHT_CHUNKED : DEFAULT_CHUNKED_LIMITS);
  }
}

function errorOf(input: Case): unknown {
  try {
    check(input);
    return null;
  } catch (error) {
    return error;
  }
}

/** Removes ever smaller parts of the text while some check still fails. */
function shorten(input: Case): Case {
  let shortest = input;
  for (let size = Math.ceil(input.text.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.text.length;) {
      const text = shortest.text.slice(0, at) + shortest.text.slice(at + size);
      const shorter = { ...shortest, text };
      if (errorOf(shorter) === null) at += size;
      else shortest = shorter;
    }
  }
  return shortest;
}
