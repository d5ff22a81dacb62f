import { Client } from 'pg';

export interface Seed {
  /** Copies of the preview with this hostname. */
  readonly previews: { readonly like: string; readonly count: number };
  /** Sessions beside the living ones, each of a traffic manager of its own. */
  readonly sessions: number;
}

// Copies rows that the edge itself created, so that they match the current schema.
const COPY_PREVIEWS = `
  INSERT INTO preview SELECT copy.* FROM preview p, generate_series(1, $2::int) n, LATERAL jsonb_populate_record(p,
    jsonb_build_object('id', gen_random_uuid(), 'hostname', 'seed-' || n || substr(p.hostname, strpos(p.hostname, '.')))) copy
  WHERE p.hostname = $1 RETURNING hostname`;

// Last seen in the future: they have no tunnels, and must stay connected while the bench runs.
const COPY_SESSIONS = `
  WITH managers AS (
    INSERT INTO traffic_manager SELECT copy.* FROM traffic_manager m, generate_series(1, $1::int) n,
      LATERAL jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'manager_id', 'seed-' || n)) copy
    WHERE m.id = (SELECT id FROM traffic_manager LIMIT 1) RETURNING id)
  INSERT INTO session SELECT copy.* FROM session s, managers,
    LATERAL jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'traffic_manager_id', managers.id,
      'last_seen_at', (now() AT TIME ZONE 'UTC') + interval '1 day')) copy
  WHERE s.id = (SELECT id FROM session LIMIT 1)`;

/** Fills the database of a deployment that has at least one session; returns the hostnames of the new previews. */
export async function seedDatabase(databaseUrl: string, { previews, sessions }: Seed): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(COPY_SESSIONS, [sessions]);
    const { rows } = await client.query<{ hostname: string }>(COPY_PREVIEWS, [previews.like, previews.count]);
    await client.query('ANALYZE');
    return rows.map(({ hostname }) => hostname);
  } finally {
    await client.end();
  }
}
