import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Caller } from '../../http/auth/caller.js';
import { RateLimiters, type RateLimiter } from '../../http/rate-limits/rate-limiters.js';

const DAY_SECONDS = 24 * 60 * 60;

/**
 * Maximum number of mails to one address in a day: from one team, and from all teams, so that one team cannot stop another
 * from inviting a person.
 */
const MAX_PER_RECIPIENT_OF_TEAM = 5;
const MAX_PER_RECIPIENT = 20;

interface Limit {
  readonly limiter: RateLimiter;
  readonly keyOf: (caller: Caller, email: string) => string;
  /** Completes "too many invitations". */
  readonly what: string;
}

/** Limits the mails that invitations and their renewals send. */
@Injectable()
export class InvitationRate {
  private readonly limits: readonly Limit[];

  constructor(@Inject(SETTINGS) { limits, mail }: Settings, limiters: RateLimiters) {
    // No mail is sent: the inviter passes the links on.
    if (mail.smtpUrl === undefined) {
      this.limits = [];
      return;
    }
    const perDay = (name: string, points: number): RateLimiter =>
      limiters.create(`invitations:${name}`, { points, seconds: DAY_SECONDS });
    const { maxInvitationsPerDay } = limits;
    const ofTeamAndInviter: readonly Limit[] =
      maxInvitationsPerDay === 0
        ? []
        : [
            {
              limiter: perDay('team', maxInvitationsPerDay),
              keyOf: ({ teamId }) => teamId,
              what: 'from this team',
            },
            { limiter: perDay('inviter', maxInvitationsPerDay), keyOf: inviterOf, what: 'of yours' },
          ];
    this.limits = [
      ...ofTeamAndInviter,
      {
        limiter: perDay('recipient-of-team', MAX_PER_RECIPIENT_OF_TEAM),
        keyOf: ({ teamId }, email) => hash(`${teamId} ${email}`),
        what: 'to this address',
      },
      {
        limiter: perDay('recipient', MAX_PER_RECIPIENT),
        keyOf: (_caller, email) => hash(email),
        what: 'to this address',
      },
    ];
  }

  /**
   * Counts a mail before it is sent.
   * @param email address of the recipient, in lower case
   * @throws ProblemError `too_many_attempts`, with the time to wait
   */
  async count(caller: Caller, email: string): Promise<void> {
    for (const { limiter, keyOf, what } of this.limits) {
      const { isWithin, resetSeconds } = await limiter.count(keyOf(caller, email));
      if (isWithin) continue;
      throw new ProblemError('too_many_attempts', {
        detail: `too many invitations ${what}; try again in ${Math.ceil(resetSeconds / 3600)} h`,
        retryAfterSeconds: resetSeconds,
      });
    }
  }

  /** Takes back the count of a mail that is not sent after all. */
  async refund(caller: Caller, email: string): Promise<void> {
    for (const { limiter, keyOf } of this.limits) await limiter.refund(keyOf(caller, email));
  }
}

/** Identifies a person, with any of their keys and in any of their teams. */
function inviterOf({ user, apiKey, teamId }: Caller): string {
  return user?.id ?? apiKey?.createdByUserId ?? apiKey?.id ?? teamId;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
