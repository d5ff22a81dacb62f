/** Databases on the server of the tests. */
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { inject } from 'vitest';

const made = new Set<TestDatabase>();

/** Creates a database with the current schema and nothing else. It is removed at the end of the file that created it. */
export async function createDatabase(): Promise<TestDatabase> {
  const created = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  const database = {
    url: created.url,
    drop: async () => {
      made.delete(database);
      await created.drop();
    },
  };
  made.add(database);
  return database;
}

export async function dropDatabases(): Promise<void> {
  await Promise.all([...made].map((database) => database.drop()));
}
