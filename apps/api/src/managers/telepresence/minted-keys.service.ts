import { Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import type { ApiKeyScope } from '@culvert/domain';
import { ApiKeysService } from '../../team/api-keys/api-keys.service.js';
import type { TelepresenceCaller } from './telepresence-caller.service.js';

/** Answer of `POST /sso/api/apikeys`: text only, and never with a `message`, which would make it an error. */
export interface MintedKey {
  readonly id: string;
  readonly accountId: string;
  readonly creatorUserId: string;
  readonly creationDate: string;
  readonly description: string;
  readonly key: string;
}

/** What each part of Telepresence does with its key, by how the client describes the key that it asks for. */
const PURPOSES: readonly (readonly [RegExp, readonly ApiKeyScope[]])[] = [
  // Opens private previews.
  [/^(telepresence:)?agent-/, ['previews:read']],
  // Holds the reverse connection, creates and removes domains.
  [/^(telepresence:traffic-)?manager$/, ['tunnel', 'previews:read', 'previews:write']],
  [/^(telepresence:workstation|laptop)$/, ['previews:read', 'previews:write']],
];
/** For a description that this version does not know: what Telepresence as a whole needs. */
const ANY_PURPOSE: readonly ApiKeyScope[] = ['tunnel', 'previews:read', 'previews:write'];

/** Makes the keys that the Telepresence client hands to its parts. */
@Injectable()
export class MintedKeysService {
  constructor(private readonly apiKeys: ApiKeysService) {}

  /** The key may do what its purpose needs, no more than its maker may, and for no longer. */
  async mint(caller: TelepresenceCaller, description: string): Promise<MintedKey> {
    requireKeyScope(caller);
    const purpose = PURPOSES.find(([pattern]) => pattern.test(description))?.[1] ?? ANY_PURPOSE;
    const scopes = purpose.filter((scope) => caller.scopes.includes(scope));
    if (scopes.length === 0) {
      throw new ProblemError('insufficient_scope', { detail: `this needs one of ${purpose.join(', ')}` });
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

/** @throws ProblemError for who may not make keys */
export function requireKeyScope(caller: TelepresenceCaller): void {
  if (!caller.scopes.includes('keys:write')) {
    throw new ProblemError('insufficient_scope', {
      detail: 'Telepresence makes keys for its parts, for which its own needs the scope keys:write',
    });
  }
}
