import { createPreviewRequest } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import type { Api } from '../api.js';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { parseTarget } from '../target/target.js';
import type { ExposeFlags } from './expose-flags.js';
import { adoptPreview, checkName, nameOf, removeExposed, wantedPreview } from './exposed-preview.js';

const flags: ExposeFlags = { access: 'team', banner: true, log: true };

describe('an exposed preview', () => {
  it.each([
    ['3000', 'localhost-3000'],
    ['[::1]:3000', '1-3000'],
    ['[::]:3000', 'address-3000'],
    ['https://app.my_team.test', 'app-my-team-test-443'],
    [`${'a.'.repeat(60)}b:1`, `${'a-'.repeat(25)}-1`],
  ])('of %s is called %s', (text, name) => {
    const found = nameOf(parseTarget(text));
    expect(found.replace(/-+/g, '-')).toBe(name.replace(/-+/g, '-'));
    expect(checkName(found)).toBe(found);
  });

  it.each(['', '-a', 'a-', 'refuses %j as a name', 'a/b', 'ä', 'a'.repeat(64)])(
    'is not called %j',
    (name) => {
      expect(() => checkName(name)).toThrow(expect.objectContaining({ exitCode: EXIT.usage }));
    },
  );

  it.each(['3000', '[::1]:3000', 'https://app.test'])(
    'has a request that the API accepts, for the target %s',
    (text) => {
      const wanted = wantedPreview(parseTarget(text), {
        ...flags,
        addRequestHeader: { 'x-dev': 'a' },
        allowUpgrades: true,
        hostHeader: 'b.test',
      });
      expect(createPreviewRequest.parse({ ...wanted, interceptId: 'x' })).toMatchObject({
        ingress: { l5Host: 'b.test' },
        access: 'team',
        allowUpgrades: true,
        addRequestHeaders: { 'x-dev': 'a' },
        expiresAt: null,
      });
    },
  );

  it('sends neither allowUpgrades nor endsWithSession when the defaults are wanted', () => {
    const wanted = wantedPreview(parseTarget('3000'), { ...flags, keep: true });
    expect(wanted).not.toHaveProperty('allowUpgrades');
    expect(wanted).not.toHaveProperty('endsWithSession');
  });

  it('ends with its session unless kept, and allows no other protocols unless asked', () => {
    const wanted = wantedPreview(parseTarget('3000'), flags);
    expect(wanted).toMatchObject({ endsWithSession: true });
    expect(wanted).not.toHaveProperty('allowUpgrades');
  });
});

/** An API that refuses the given operations and records calls. */
function apiThat(refuses: Record<string, CliError>) {
  const asked: string[] = [];
  const api = {
    call: async (id: string) => {
      asked.push(id);
      if (refuses[id] !== undefined) throw refuses[id];
      return { allowUpgrades: false, endsWithSession: true };
    },
  };
  return { asked, api: api as unknown as Api };
}

const may = new CliError(EXIT.refused, 'not allowed');
const gone = new CliError(EXIT.notFound, 'gone');
const away = new CliError(EXIT.unreachable, 'away');
const made = { trafficManagerId: '1', preview: { id: '2', interceptId: '3' } as never };

describe('removeExposed', () => {
  it('removes everything at once, or as much as the credential may', async () => {
    const cases: [Record<string, CliError>, string[]][] = [
      [{}, ['deleteTrafficManager']],
      [{ deleteTrafficManager: gone }, ['deleteTrafficManager']],
      [{ deleteTrafficManager: may }, ['deleteTrafficManager', 'deleteIntercept']],
      [
        { deleteTrafficManager: may, deleteIntercept: may },
        ['deleteTrafficManager', 'deleteIntercept', 'deletePreview'],
      ],
    ];
    for (const [refuses, expected] of cases) {
      const { api, asked } = apiThat(refuses);
      await removeExposed(api, made);
      expect(asked).toEqual(expected);
    }
  });

  it('reports what it could not remove', async () => {
    await expect(removeExposed(apiThat({ deleteTrafficManager: away }).api, made)).rejects.toBe(away);
    const refused = apiThat({ deleteTrafficManager: may, deleteIntercept: may, deletePreview: may }).api;
    await expect(removeExposed(refused, made)).rejects.toBe(may);
  });
});

describe('the preview of an earlier run', () => {
  it('is taken over unless it no longer exists', async () => {
    expect(
      await adoptPreview(apiThat({ getPreview: gone }).api, '1', wantedPreview(parseTarget('1'), flags)),
    ).toBeNull();
    for (const api of [apiThat({ updatePreview: away }).api, apiThat({ getPreview: away }).api])
      await expect(adoptPreview(api, '1', wantedPreview(parseTarget('1'), flags))).rejects.toBe(away);
  });

  /** Adopts a preview that the server shows as `before`. Resolves with the change that was sent. */
  async function changeOf(before: object, change: Partial<ExposeFlags>): Promise<object | undefined> {
    const bodies: (object | undefined)[] = [];
    const api = {
      call: async (_id: string, { body }: { readonly body?: object }) => {
        bodies.push(body);
        return before;
      },
    } as unknown as Api;
    await adoptPreview(api, '1', wantedPreview(parseTarget('1'), { ...flags, ...change }));
    return bodies.at(-1);
  }

  it('is changed only where it differs, also back to defaults', async () => {
    const before = { allowUpgrades: true, endsWithSession: true };
    expect(await changeOf(before, { keep: true })).toMatchObject({
      allowUpgrades: false,
      endsWithSession: false,
    });
    const change = await changeOf(before, { allowUpgrades: true });
    expect(change).not.toHaveProperty('allowUpgrades');
    expect(change).not.toHaveProperty('endsWithSession');
  });

  it('is not changed in fields that older servers do not know when their default is wanted', async () => {
    const change = await changeOf({}, { keep: true });
    expect(change).not.toHaveProperty('allowUpgrades');
    expect(change).not.toHaveProperty('endsWithSession');
  });
});
