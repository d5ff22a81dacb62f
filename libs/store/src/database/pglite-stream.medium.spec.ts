import { once } from 'node:events';
import { PGlite } from '@electric-sql/pglite';
import { liveBytes } from '@culvert/testkit';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PGliteStream } from './pglite-stream.js';

let db: PGlite;
let pool: Pool;
beforeAll(async () => {
  db = await PGlite.create();
  pool = openPool();
});
afterAll(async () => {
  await pool.end();
  await db.close();
});

describe('PGliteStream', () => {
  it('answers the same wherever its input is split', async () => {
    const input = Buffer.concat([startup(), message('Q', 'SELECT 42 AS answer\0'), message('X', '')]);
    // The first response of a session reports more parameters than later ones.
    await exchange([input]);
    const whole = await exchange([input]);
    expect(whole.toString('latin1')).toContain('answer');
    for (let cut = 1; cut < input.length; cut++) {
      const answer = await exchange([input.subarray(0, cut), input.subarray(cut)]);
      expect({ cut, answer }).toEqual({ cut, answer: whole });
    }
    expect(await exchange(Array.from(input, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('rolls back what a disconnected client left open', async () => {
    await pool.query('CREATE TABLE left_open (n int)');
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO left_open VALUES (1)');
    // The pool discards the connection, as after a timeout.
    client.release(true);
    const { rows } = await pool.query('SELECT count(*)::int AS rows FROM left_open');
    expect(rows).toEqual([{ rows: 0 }]);
  });

  it('carries values larger than any buffer on the way', async () => {
    const text = 'ü'.repeat(3_000_000);
    const { rows } = await pool.query<{ text: string; length: number }>(
      'SELECT $1::text AS text, length($1::text) AS length',
      [text],
    );
    expect(rows[0].length).toBe(text.length);
    expect(rows[0].text === text).toBe(true);
  });

  it('continues after errors', async () => {
    await expect(pool.query('SELECT nonsense')).rejects.toMatchObject({ code: '42703' });
    await expect(pool.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' });
    await expect(pool.query("SELECT 1; SELECT 'x'::int")).rejects.toMatchObject({ code: '22P02' });
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('answers queries in the order they were sent, even many at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => pool.query<{ n: number }>('SELECT $1::int AS n', [n])),
    );
    expect(answers.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('does not keep the responses', async () => {
    const ask = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++)
        await pool.query('SELECT $1::int AS n, repeat($2, 1000) AS text', [n, 'x']);
    };
    await ask(100);
    const before = await liveBytes();
    await ask(1000);
    expect((await liveBytes()) - before).toBeLessThan(500_000);
  });

  it('does not change the exit status of the process', () => {
    expect(process.exitCode).toBeUndefined();
  });
});

function openPool(): Pool {
  return new Pool({
    max: 1,
    user: 'postgres',
    database: 'postgres',
    password: '',
    ssl: false,
    stream: () => new PGliteStream(db),
  });
}

/** Returns everything the server sends for these pieces of input, which end with Terminate. */
async function exchange(pieces: readonly Buffer[]): Promise<Buffer> {
  const stream = new PGliteStream(db);
  const output: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => output.push(chunk));
  const end = once(stream, 'end');
  for (const piece of pieces) {
    await new Promise<void>((resolve, reject) => {
      stream.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  }
  await end;
  stream.destroy();
  return Buffer.concat(output);
}

function startup(): Buffer {
  const body = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(4 + body.length);
  return Buffer.concat([length, body]);
}

function message(type: string, text: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}
