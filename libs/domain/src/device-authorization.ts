import { randomInt } from 'node:crypto';
import type { Program } from './program.js';
import { hashSecret } from './secret.js';

/** Time that a person has to enter the code. */
export const DEVICE_CODE_LIFETIME_MS = 10 * 60_000;
/** Seconds that a program waits between two polls at first. */
export const DEVICE_POLL_INTERVAL_SECONDS = 5;
/** Seconds that each poll that comes too early adds to the interval (RFC 8628 §3.5). */
export const DEVICE_POLL_SLOWDOWN_SECONDS = 5;
export const MAX_DEVICE_POLL_INTERVAL_SECONDS = 60;
/** Amount by which a poll can be early: timers and clocks of several processes differ. */
export const DEVICE_POLL_TOLERANCE_MS = 1000;
/**
 * Time after the first tokens in which another poll with the same code replaces them, unless one of them was used: the
 * response with the first ones can be lost, and the program then polls again (RFC 8628 §3.5).
 */
export const DEVICE_REISSUE_MS = 60_000;
/**
 * Number of intervals without a poll after which a request makes room for a new one if there are too many: its program
 * has stopped.
 */
export const DEVICE_QUIET_INTERVALS = 2;
/**
 * Limit of requests that wait for a person, in the whole deployment. The fewer codes are valid, the less likely a guess
 * is right.
 */
export const MAX_OPEN_DEVICE_AUTHORIZATIONS = 10_000;

/** A request of a program on a machine without a browser, as the person sees it who has its code. */
export interface DeviceAuthorization {
  /** OAuth `client_id` of the program. */
  readonly clientId: string;
  /** Name that the machine gave itself, which proves nothing; null if it gave none. */
  readonly deviceName: string | null;
  /** Address that the request came from; null if it is unknown. */
  readonly address: string | null;
  readonly createdAt: Date;
  /** Time when its codes stop working. */
  readonly expiresAt: Date;
}

export interface DeviceAuthorizationDraft {
  /** SHA-256 of the device code, lower-case hex. */
  readonly deviceCodeHash: string;
  /** Hash of the code that people type. */
  readonly userCodeHash: string;
  readonly clientId: string;
  readonly deviceName: string | null;
  readonly address: string | null;
  readonly at: Date;
}

/** What a program learns from a poll. */
export type DevicePoll =
  | { readonly outcome: 'pending' | 'too_early' | 'denied' | 'expired' }
  /** The tokens are stored. */
  | { readonly outcome: 'issued'; readonly program: Program }
  /** The tokens are stored. They replace those of a poll shortly before, whose response seems to be lost. */
  | { readonly outcome: 'reissued'; readonly program: Program }
  /** The code was exchanged before: someone has a copy of it. */
  | { readonly outcome: 'used'; readonly program: Program };

/** RFC 8628 §6.1: no vowels, which could form words, and no digits, which look like letters. */
const USER_CODE_ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const USER_CODE_LENGTH = 8;
const USER_CODE = new RegExp(`^[${USER_CODE_ALPHABET}]{${USER_CODE_LENGTH}}$`);
/** Room for a code with separators. */
const MAX_TYPED_LENGTH = 32;

/** Returns a new code for a person to type, such as `WDJB-MJHT`: 34 random bits. */
export function generateUserCode(): string {
  const letters = Array.from({ length: USER_CODE_LENGTH }, () =>
    USER_CODE_ALPHABET.charAt(randomInt(USER_CODE_ALPHABET.length)),
  );
  return grouped(letters.join(''));
}

/** Returns the code that a person typed in its usual form, whatever its case and separators; null if it cannot be one. */
export function readUserCode(typed: string): string | null {
  if (typed.length > MAX_TYPED_LENGTH) return null;
  const letters = typed.replace(/[\s\p{Dash}_.]/gu, '').toUpperCase();
  return USER_CODE.test(letters) ? grouped(letters) : null;
}

/**
 * Returns the hash of a code in its usual form, which the store keeps. It only keeps the code out of copies of the
 * database: who computes all hashes finds it, but the code is of no use without a session, and for ten minutes only.
 */
export function hashUserCode(code: string): string {
  return hashSecret(code);
}

function grouped(letters: string): string {
  return `${letters.slice(0, USER_CODE_LENGTH / 2)}-${letters.slice(USER_CODE_LENGTH / 2)}`;
}
