import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import type { Scope } from '@culvert/domain';
import { ApiKeysService } from '../../team/api-keys/api-keys.service.js';
import type { TelepresenceCaller } from './telepresence-caller.service.js';

/** Response of `POST /sso/api/apikeys`: text only, and never with a `message`, which would make it an error. */
export interface MintedKey {
  readonly id: string;
  readonly accountId: string;
  readonly creatorUserId: string;
  readonly creationDate: string;
  readonly description: string;
  readonly key: string;
}

/** Scopes that each part of Telepresence needs, by the client's description of the key. */
const PURPOSES: readonly (readonly [RegExp, readonly Scope[]])[] = [
  // Opens private previews.
  [/^(telepresence:)?agent-/, ['previews:read']],
  // Holds the reverse connection, creates and removes domains.
  [/^(telepresence:traffic-)?manager$/, ['tunnel', 'previews:read', 'previews:write']],
  [/^(telepresence:workstation|laptop)$/, ['previews:read', 'previews:write']],
];
/** For descriptions that this version does not know: the scopes that Telepresence as a whole needs. */
const ANY_PURPOSE: readonly Scope[] = ['tunnel', 'previews:read', 'previews:write'];

/** Creates the keys that the Telepresence client passes to its parts. */
@Injectable()
export class MintedKeysService {
  constructor(private readonly apiKeys: ApiKeysService) {}

  /** Creates a key with the scopes that its purpose needs, but with no more scopes and no longer life than its creator has. */
  async mint(caller: TelepresenceCaller, description: string): Promise<MintedKey> {
    requireKeyScope(caller);
    const purpose = PURPOSES.find(([pattern]) => pattern.test(description))?.[1] ?? ANY_PURPOSE;
    const scopes = purpose.filter((scope) => caller.scopes.includes(scope));
    if (scopes.length === 0) {
      throw new ProblemError('insufficient_scope', {
        detail: `this needs one of the scopes ${purpose.join(', ')}`,
      });
    }
    const apiKey = await this.apiKeys.create(caller, {
      name: description === '' ? 'Telepresence' : description,
      scopes,
    });
    return {
      id: apiKey.id,
      accountId: caller.teamId,
      creatorUserId: caller.user?.id ?? '',
      creationDate: apiKey.createdAt,
      description,
      key: apiKey.key,
    };
  }
}

/** @throws ProblemError if the caller cannot create keys */
export function requireKeyScope(caller: TelepresenceCaller): void {
  if (!caller.scopes.includes('keys:write')) {
    throw new ProblemError('insufficient_scope', {
      detail: 'Telepresence creates keys for its parts, so its own key needs the scope keys:write',
    });
  }
}
