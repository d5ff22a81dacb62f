/** Closes tunnels of the meeting point whose credential is no longer valid: docs/cluster.md §1. */
import { GoAwayCode } from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { Attendant } from './attendant.js';
import type { Authenticator } from './authenticator.js';

/** Together with the second for which an answer is valid, and the time of Culvert's answer, this stays under ten seconds. */
const CHECK_MS = 7000;

/** Tunnels that are judged at once. Those with one credential share the question to Culvert. */
const MAX_AT_ONCE = 16;

export class CredentialChecks {
  private readonly timer: NodeJS.Timeout;
  private isChecking = false;

  /** @param checkMs milliseconds between two rounds over all tunnels */
  constructor(
    private readonly authenticator: Authenticator,
    private readonly attendants: ReadonlySet<Attendant>,
    private readonly log: Logger,
    checkMs: number = CHECK_MS,
  ) {
    this.timer = setInterval(() => void this.checkAll(), checkMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Judges the credential that `attendant` presented, and closes its tunnel if it is no longer accepted. Resolves with
   * whether the tunnel may stay. While Culvert cannot be asked, the tunnel may stay.
   */
  async check(attendant: Attendant): Promise<boolean> {
    const { credential } = attendant;
    const isAccepted = await this.isAccepted(credential);
    if (isAccepted === false && attendant.credential === credential) end(attendant);
    return isAccepted !== false;
  }

  /** Replaces the credential. A credential that is not accepted ends the tunnel. */
  async replace(attendant: Attendant, credential: string): Promise<void> {
    const isAccepted = await this.isAccepted(credential);
    if (isAccepted === true) attendant.credential = credential;
    else if (isAccepted === false) end(attendant);
  }

  /** Null if that cannot be determined now. Never rejects. */
  private async isAccepted(credential: string): Promise<boolean | null> {
    try {
      const verdict = await this.authenticator.judgeAgain(credential);
      return verdict === 503 ? null : verdict === 101;
    } catch (error) {
      this.log.error({ err: error }, 'cannot check a credential');
      return null;
    }
  }

  private async checkAll(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    const waiting = [...this.attendants].values();
    const work = async (): Promise<void> => {
      for (const attendant of waiting) await this.check(attendant);
    };
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, work));
    this.isChecking = false;
  }
}

function end({ tunnel }: Attendant): void {
  tunnel.close(GoAwayCode.KEY_REVOKED, 'the credential is no longer accepted');
}
