import type { Exchange } from '@culvert/contract';
import type { KeptExchange, KeptExchangeDraft, KeptExchangeKey } from '@culvert/domain';
import { KeyRing } from '@culvert/sealing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ExchangeDocument, ExchangeVault, writeExchange } from './exchange-vault.js';

const OWNER = { teamId: 't1', previewId: 'p1' };
const [OLD, NEW] = [KeyRing.generate(), KeyRing.generate()];
const ringOf = (...texts: string[]) => KeyRing.parse(texts)!;
const documentOf = (id: string): ExchangeDocument => ({
  exchange: { id, startedAt: '2030-01-01T00:00:00.000Z', target: '/private' } as Exchange,
  bodies: { id, request: null, response: null },
});
const rowOf = (draft: KeptExchangeDraft) => ({ ...draft, cursor: '' }) as unknown as KeptExchange;

describe(ExchangeVault.name, () => {
  /** Data keys by preview, newest first. */
  let keys: Map<string, KeptExchangeKey[]>;
  const store = {
    findKeys: async (_teamId: string, previewId: string) => keys.get(previewId) ?? [],
    addKey: async (_teamId: string, previewId: string, key: KeptExchangeKey) => {
      keys.set(previewId, [key, ...(keys.get(previewId) ?? [])]);
      return true;
    },
  };
  const seal = async (vault: ExchangeVault, id: string, owner = OWNER) =>
    (await vault.seal(owner, [writeExchange(documentOf(id))]))![0];

  beforeEach(() => {
    keys = new Map();
  });

  it('opens what it sealed, also after the encryption key was replaced', async () => {
    const before = new ExchangeVault(ringOf(OLD), store);
    const draft = await seal(before, 'e1');
    expect(Buffer.from(draft.sealed!).includes('private')).toBe(false);
    const both = new ExchangeVault(ringOf(NEW, OLD), store);
    expect((await both.reader(OWNER)).open(rowOf(draft))).toEqual(documentOf('e1'));
    const [key] = keys.get('p1')!;
    keys.set('p1', [both.reseal(OWNER, key)]);
    const after = new ExchangeVault(ringOf(NEW), store);
    expect((await after.reader(OWNER)).open(rowOf(draft))).toEqual(documentOf('e1'));
    await seal(after, 'e2');
    expect(keys.get('p1')).toHaveLength(1);
  });

  it('reports the missing key, and continues with a new data key', async () => {
    const draft = await seal(new ExchangeVault(ringOf(OLD), store), 'e1');
    const vault = new ExchangeVault(ringOf(NEW), store);
    const newer = await seal(vault, 'e2');
    const reader = await vault.reader(OWNER);
    expect(reader.open(rowOf(draft))).toEqual({ missingKeyId: ringOf(OLD).currentId });
    expect(reader.open(rowOf(newer))).toEqual(documentOf('e2'));
    expect(keys.get('p1')).toHaveLength(2);
  });

  it('opens no row that was moved to another exchange, preview or team, or whose parts were swapped', async () => {
    const vault = new ExchangeVault(ringOf(NEW), store);
    const row = rowOf(await seal(vault, 'e1'));
    const broken = { missingKeyId: null };
    const reader = await vault.reader(OWNER);
    expect(reader.open({ ...row, id: 'e2' })).toEqual(broken);
    expect(reader.open({ ...row, sealed: row.sealedBodies, sealedBodies: row.sealed })).toEqual(broken);
    expect(reader.open({ ...row, keyId: 'unknown' })).toEqual(broken);
    // The data key is moved too.
    keys.set('p2', keys.get('p1')!);
    expect((await vault.reader({ ...OWNER, previewId: 'p2' })).open(row)).toEqual(broken);
    expect((await vault.reader({ ...OWNER, teamId: 't2' })).open(row)).toEqual(broken);
  });

  it('seals nothing for a preview that does not exist', async () => {
    const vault = new ExchangeVault(ringOf(NEW), { ...store, addKey: async () => false });
    expect(await vault.seal(OWNER, [writeExchange(documentOf('e1'))])).toBeNull();
  });
});
