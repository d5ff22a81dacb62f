import type { Preview, Session } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createPreview,
  createTenant,
  describeOnEveryDatabase,
  interceptDraft,
  interceptId,
  previewDraft,
  registration,
  type Tenant,
} from './spec/databases.js';

const FOREIGN_KEY_VIOLATION = '23503';

describeOnEveryDatabase('two teams', createTestDatabase, (context) => {
  let mine: Tenant;
  let theirs: Tenant;
  let preview: Preview;
  let session: Session;

  beforeAll(async () => {
    mine = await createTenant(context.store);
    theirs = await createTenant(context.store);
    preview = await createPreview(context.store, mine);
    ({ session } = await context.store.sessions.register(mine.team.id, registration(mine)));
  });

  it('see nothing of each other', async () => {
    const { store } = context;
    const team = theirs.team.id;
    expect(await store.apiKeys.find(team, mine.apiKey.id)).toBeNull();
    expect(await store.trafficManagers.find(team, mine.manager.id)).toBeNull();
    expect(await store.sessions.find(team, session.id)).toBeNull();
    expect(await store.intercepts.find(team, preview.interceptId)).toBeNull();
    expect(await store.previews.find(team, preview.id)).toBeNull();
    expect(await store.previews.count(team)).toBe(0);
    const page = { limit: 50 };
    expect((await store.apiKeys.list(team, page)).items).toEqual([theirs.apiKey]);
    expect((await store.trafficManagers.list(team, page)).items).toEqual([theirs.manager]);
    expect((await store.sessions.list(team, {}, page)).items).toEqual([]);
    expect((await store.sessions.list(team, { trafficManagerId: mine.manager.id }, page)).items).toEqual([]);
    expect((await store.intercepts.list(team, { trafficManagerId: mine.manager.id }, page)).items).toEqual(
      [],
    );
    expect((await store.previews.list(team, { interceptId: preview.interceptId }, page)).items).toEqual([]);
    expect((await store.auditEvents.list(team, page)).items).toEqual([]);
  });

  it('change nothing of each other', async () => {
    const { store } = context;
    const team = theirs.team.id;
    const before = await snapshot();
    expect(await store.apiKeys.rename(team, mine.apiKey.id, 'x')).toBeNull();
    expect(await store.apiKeys.revoke(team, mine.apiKey.id, new Date())).toBeNull();
    expect(await store.trafficManagers.rename(team, mine.manager.id, 'x')).toBeNull();
    expect(await store.trafficManagers.remove(team, mine.manager.id)).toBeNull();
    expect(await store.sessions.end(team, session.id, 'x', new Date())).toBeNull();
    expect(await store.intercepts.update(team, preview.interceptId, { message: 'x' })).toBeNull();
    expect(await store.intercepts.remove(team, preview.interceptId)).toBeNull();
    expect(await store.previews.update(team, preview.id, { access: 'public' })).toBeNull();
    expect(await store.previews.remove(team, preview.id)).toBeNull();
    expect(await snapshot()).toEqual(before);
  });

  it('cannot attach rows to a row of the other', async () => {
    const { store } = context;
    const team = theirs.team.id;
    expect(await store.intercepts.create(team, interceptId(), interceptDraft(mine))).toBeNull();
    expect(await store.previews.create(team, previewDraft({ interceptId: preview.interceptId }))).toBeNull();
    expect(
      await store.previews.createWithIntercept(team, interceptId(), interceptDraft(mine), previewDraft()),
    ).toBeNull();
  });

  it('keep sessions of one manager id apart', async () => {
    const { sessions } = context.store;
    const { managerId, clusterId, name, version } = mine.manager;
    const same = { identity: { managerId, clusterId, name, version } };
    const other = await sessions.register(theirs.team.id, registration(theirs, same));
    expect(other.resumed).toBe(false);
    expect(other.session.id).not.toBe(session.id);
    expect(other.session.trafficManagerId).not.toBe(mine.manager.id);
  });

  describe('in the database itself', () => {
    it.each([
      ['session', 'traffic_manager_id', () => mine.manager.id],
      ['session', 'api_key_id', () => mine.apiKey.id],
      ['intercept', 'traffic_manager_id', () => mine.manager.id],
      ['preview', 'intercept_id', () => preview.interceptId],
      ['preview', 'traffic_manager_id', () => mine.manager.id],
    ])('refuses a %s whose %s is the other team’s', async (table, column, value) => {
      const own = await createPreview(context.store, theirs);
      await context.store.sessions.register(theirs.team.id, registration(theirs));
      const update = context.pool.query(
        `UPDATE ${table} SET ${column} = $1 WHERE ctid = (SELECT ctid FROM ${table} WHERE team_id = $2 LIMIT 1)`,
        [value(), theirs.team.id],
      );
      await expect(update).rejects.toMatchObject({ code: FOREIGN_KEY_VIOLATION });
      expect(await context.store.previews.find(theirs.team.id, own.id)).toEqual(own);
    });

    it.each(['session', 'intercept', 'preview'])('refuses to give a %s to the other team', async (table) => {
      const update = context.pool.query(`UPDATE ${table} SET team_id = $1 WHERE team_id = $2`, [
        theirs.team.id,
        mine.team.id,
      ]);
      await expect(update).rejects.toMatchObject({ code: FOREIGN_KEY_VIOLATION });
    });

    it('includes the team in every key between tables of a team', async () => {
      // A new table must not omit it: all keys of the schema, except those to the team and the person
      // themselves, and to edges, which belong to no team.
      const { rows } = await context.pool.query<{ key: string; columns: string[] }>(`
        SELECT conname AS key, array(
          SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey)
        ) AS columns
        FROM pg_constraint
        WHERE contype = 'f' AND connamespace = 'public'::regnamespace
          AND confrelid NOT IN ('team'::regclass, '"user"'::regclass, 'user_session'::regclass, 'edge'::regclass)`);
      expect(rows.length).toBeGreaterThanOrEqual(4);
      expect(rows.filter(({ columns }) => !columns.includes('team_id'))).toEqual([]);
    });
  });

  async function snapshot() {
    const { store } = context;
    return [
      await store.apiKeys.find(mine.team.id, mine.apiKey.id),
      await store.trafficManagers.find(mine.team.id, mine.manager.id),
      await store.sessions.find(mine.team.id, session.id),
      await store.intercepts.find(mine.team.id, preview.interceptId),
      await store.previews.find(mine.team.id, preview.id),
    ];
  }
});
