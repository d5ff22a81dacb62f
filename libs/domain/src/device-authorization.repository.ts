import type { DeviceAuthorization, DeviceAuthorizationDraft, DevicePoll } from './device-authorization.js';
import type { IssuedTokens, Program } from './program.js';

/** Requests of programs on machines without a browser, with codes of which only hashes are kept. They belong to no team. */
export interface DeviceAuthorizationRepository {
  /**
   * Returns `code_taken` if another request has one of the codes. If `maxOpen` requests wait for a person, it removes the
   * one that was not polled for the longest time, and returns `too_many` if all were polled within
   * `DEVICE_QUIET_INTERVALS`. Concurrent calls can exceed `maxOpen` by their number.
   */
  create(
    draft: DeviceAuthorizationDraft,
    options: { readonly maxOpen: number },
  ): Promise<'created' | 'code_taken' | 'too_many'>;
  /** Across teams: the code is the proof. Null if it is unknown or expired, or a person has decided. */
  findPending(userCodeHash: string, now: Date): Promise<DeviceAuthorization | null>;
  /**
   * Lets the program act for this person in this team, once. The program gets its tokens at its next poll, for which it
   * has at least `CODE_LIFETIME_MS`. Changes nothing unless it returns the program.
   */
  approve(
    teamId: string,
    userId: string,
    userCodeHash: string,
    at: Date,
  ): Promise<Program | 'not_pending' | 'not_a_member'>;
  /** Returns false, and changes nothing, if the code is unknown or expired, or a person has decided. */
  deny(userCodeHash: string, at: Date): Promise<boolean>;
  /**
   * Across teams: the code is the proof. Stores these tokens if a person has approved the request. Of concurrent polls
   * one gets them. For `DEVICE_REISSUE_MS` another poll replaces them unless their refresh token was used; a later use of
   * that token counts as a reuse. A poll before the interval is over makes the interval longer. Null if this client has
   * no such code.
   */
  poll(
    request: { readonly deviceCodeHash: string; readonly clientId: string },
    tokens: IssuedTokens,
    at: Date,
  ): Promise<DevicePoll | null>;
  /** Removes expired requests. Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
