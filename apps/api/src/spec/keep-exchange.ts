import { randomUUID } from 'node:crypto';
import type { Exchange } from '@culvert/contract';
import type { Store } from '@culvert/domain';
import { type ExchangeOwner, ExchangeVault, writeExchange } from '@culvert/exchanges';
import { KeyRing } from '@culvert/sealing';

const EXCHANGE: Exchange = {
  id: '',
  state: 'ended',
  startedAt: '2026-01-01T00:00:00.000Z',
  method: 'GET',
  target: '/',
  httpVersion: '2',
  upgrade: null,
  visitor: { address: '192.0.2.1', kind: 'anyone', id: null },
  replayOf: null,
  request: { fields: [], isTruncated: false },
  response: null,
  changes: [],
  notes: [],
  status: null,
  error: 'cancelled',
  timings: { gateMs: 1, waitMs: null, connectMs: null, firstByteMs: null, bodyMs: null },
  bytesIn: 0,
  bytesOut: 0,
};

/** Keeps an exchange of a preview, as an edge does, after the policy allows it. Returns its ID. */
export async function keepExchange(
  store: Store,
  owner: ExchangeOwner,
  encryptionKey: string,
): Promise<string> {
  const { teamId, previewId } = owner;
  const policy = { maxCount: 9, maxHours: 9, bodies: false, redactedNames: [] };
  if ((await store.teams.find(teamId))?.keepPolicy === null) await store.teams.setKeepPolicy(teamId, policy);
  const preview = await store.previews.update(teamId, previewId, { keep: { count: 9, hours: 9 } });
  const route = preview && (await store.previews.findRoute(preview.hostname));
  const id = randomUUID();
  const vault = new ExchangeVault(KeyRing.parse([encryptionKey])!, store.keptExchanges);
  const drafts = await vault.seal(owner, [writeExchange({ exchange: { ...EXCHANGE, id }, bodies: null })]);
  const policyVersion = route?.keep?.policyVersion ?? 0;
  await store.keptExchanges.add(teamId, previewId, { policyVersion, at: new Date(), drafts: drafts! });
  return id;
}
