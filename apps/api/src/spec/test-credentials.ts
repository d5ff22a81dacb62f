import { SCOPES, CULVERT_CLIENT_ID, generateOAuthSecret, type Scope } from '@culvert/domain';
import type { TestApi, TestPerson, TestTeam } from './api-harness.js';

/** Headers with the credential of a request. */
export type Shown = Readonly<Record<string, string>>;

/** Every kind of caller, with the headers of their requests. */
export interface Credentials {
  /** Missing, unknown, expired and revoked credentials, by name. */
  readonly nobody: ReadonlyMap<string, Shown>;
  /** Secret of a key of the team for each single scope. */
  readonly keys: ReadonlyMap<Scope, string>;
  /** Access token of a Telepresence client, of an owner. */
  readonly token: Shown;
  /** Access token of `culvert`, of an owner. */
  readonly program: Shown;
}

/** A key or token as programs send it. */
export const bearer = (secret: string): Shown => ({ Authorization: `Bearer ${secret}` });
/** A key as Telepresence's programs send it. */
export const ambassador = (secret: string): Shown => ({ 'X-Ambassador-Api-Key': secret });
const cookie = (value: string): Shown => ({ Cookie: value });

/** Returns the cookie of a person. */
export function shownBy(person: TestPerson): Shown {
  return cookie(person.cookie);
}

/** Returns the same cookie, in a request that a page of another host made the browser send. */
export function forgedOf(person: TestPerson): Shown {
  return { Cookie: person.cookie, Origin: 'https://evil.example' };
}

export async function prepareCredentials(api: TestApi, ours: TestTeam): Promise<Credentials> {
  const expired = await ours.keyWith({ expiresAt: new Date(Date.now() - 1) });
  const revoked = await ours.keyWith({});
  await api.store.apiKeys.revoke(ours.teamId, revoked.apiKey.id, new Date());
  const keys = new Map<Scope, string>();
  for (const scope of SCOPES) keys.set(scope, (await ours.keyWith({ scopes: [scope] })).secret);
  return {
    nobody: new Map<string, Shown>([
      ['no credential', {}],
      ['an unknown key', bearer('cvt_00000000000000000000000000000000000000')],
      ['an expired key', bearer(expired.secret)],
      ['an expired key in the header of Telepresence', ambassador(expired.secret)],
      ['a revoked key', bearer(revoked.secret)],
      ['a revoked key in the header of Telepresence', ambassador(revoked.secret)],
      ['an unknown cookie', cookie(`culvert-session=${'x'.repeat(43)}`)],
      ['the cookie of an expired session', await cookieOf('expired')],
      ['the cookie of an ended session', await cookieOf('ended')],
      ['an unknown token', bearer(generateOAuthSecret('access'))],
      ['an expired token', bearer(await accessToken('expired'))],
      ['a revoked token', bearer(await accessToken('revoked'))],
      ['an expired token of culvert', bearer(await accessToken('expired', CULVERT_CLIENT_ID))],
      ['a revoked token of culvert', bearer(await accessToken('revoked', CULVERT_CLIENT_ID))],
    ]),
    keys,
    token: bearer(await accessToken('usable')),
    program: bearer(await accessToken('usable', CULVERT_CLIENT_ID)),
  };

  async function cookieOf(state: 'expired' | 'ended'): Promise<Shown> {
    const longAgo = new Date(Date.now() - 91 * 24 * 60 * 60_000);
    const signedInAt = state === 'expired' ? longAgo : new Date();
    const person = await api.person(`${state}@example.test`, [[ours.teamId, 'owner']], { signedInAt });
    if (state === 'ended') await api.store.userSessions.remove(person.user.id, person.session.id);
    return shownBy(person);
  }

  async function accessToken(
    state: 'usable' | 'expired' | 'revoked',
    clientId = 'telepresence-cli',
  ): Promise<string> {
    const { user } = await api.person(`${clientId}-${state}@example.test`, [[ours.teamId, 'owner']]);
    const at = state === 'expired' ? new Date(Date.now() - 61 * 60_000) : new Date();
    const program = await api.program(ours.teamId, user.id, at, clientId);
    if (state === 'revoked') await api.store.programs.revoke(user.id, program.id);
    return program.accessToken;
  }
}
