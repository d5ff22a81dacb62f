import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  ACCESS_CODE_MS,
  generateSecret,
  hashSecret,
  mayOpen,
  verifiedEmailOf,
  type Store,
} from '@culvert/domain';
import { SETTINGS, STORE } from '@culvert/nest';
import { previewUrl, type Settings } from '@culvert/runtime';
import type { Person } from '../../http/auth/caller.js';

const HASH = /^[0-9a-f]{64}$/;
const TARGET = /^[\w-]{1,5000}$/;
const MAX_HOSTNAME_LENGTH = 253;

/** Sends signed-in people to the host of a preview that they can open. */
@Injectable()
export class PreviewAccessService {
  constructor(
    @Inject(STORE) private readonly store: Store,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * Returns the URL on the preview's host, with a code that works once, for a minute, and only in the browser with the
   * nonce. The hostname is looked up, so that this redirects only to previews.
   * @throws ProblemError the same for a preview that they cannot open and for one that does not exist
   */
  async handOver(person: Person, query: Readonly<Record<string, unknown>>): Promise<string> {
    const { host, nonce, to } = query;
    if (typeof host !== 'string' || host.length > MAX_HOSTNAME_LENGTH) throw missing();
    if (typeof nonce !== 'string' || !HASH.test(nonce)) throw missing();
    if (typeof to !== 'string' || !TARGET.test(to)) throw missing();
    const now = new Date();
    // Both look-ups run in any case: the time must not reveal whether there is a preview.
    const [preview, memberships] = await Promise.all([
      this.store.previews.findAccess(host),
      this.store.users.memberships(person.user.id),
    ]);
    if (preview === null || (preview.expiresAt !== null && preview.expiresAt <= now)) throw missing();
    const isMember = memberships.some(({ teamId }) => teamId === preview.teamId);
    const verifiedEmail = verifiedEmailOf(person.user);
    if (preview.access !== 'public' && !mayOpen(preview, { isMember, verifiedEmail })) throw missing();
    const code = generateSecret();
    const isCreated = await this.store.previewVisits.createCode({
      hash: hashSecret(code),
      teamId: preview.teamId,
      previewId: preview.id,
      nonceHash: nonce,
      userId: person.user.id,
      userSessionId: person.userSession.id,
      expiresAt: new Date(now.getTime() + ACCESS_CODE_MS),
    });
    if (!isCreated) throw missing();
    return `${previewUrl(this.settings, preview.hostname)}/.culvert/signed-in?code=${code}&to=${to}`;
  }
}

function missing(): ProblemError {
  return new ProblemError('not_found', {
    detail:
      "This preview does not exist, or you can't open it. Ask the person who sent you the address for " +
      'access.',
  });
}
