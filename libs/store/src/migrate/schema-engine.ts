/**
 * Prisma's schema engine as WebAssembly. The CLI would download a native one; this one is part of the packages and works
 * with any driver adapter.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlDriverAdapter,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import { DatabaseError, types, type Pool, type QueryConfig } from 'pg';
import type { Migration } from './migrations-folder.js';

/** Compares and applies all tables: none belongs to another program. */
export const NO_FILTERS = { externalTables: [], externalEnums: [] };

// The compiler's library for Node has no types for it.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: object } }>;
};

let loaded: Promise<void> | null = null;

export interface SchemaEngineOptions {
  /** Text of schema.prisma. */
  readonly schema: string;
  /** The database; the caller closes it. */
  readonly pool: Pool;
  /** An empty database for trying migrations, which only `diff` does. May be the same. */
  readonly scratch?: Pool;
}

/** Creates an engine for one database. Call `free` when done. */
export async function openSchemaEngine({
  schema,
  pool,
  scratch,
}: SchemaEngineOptions): Promise<SchemaEngine> {
  loaded ??= load();
  await loaded;
  const adapter = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: 'culvert-migrate',
    connect: () => migrationAdapter(pool),
    connectToShadowDb: async () => {
      if (!scratch) throw new Error('no scratch database to try migrations in');
      return migrationAdapter(scratch);
    },
  });
  return bindings.SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, adapter);
}

/** Returns the form in which the engine accepts the migrations. */
export function toMigrationList(prismaFolder: string, migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: join(prismaFolder, 'migrations'),
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, script }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: script } },
    })),
  };
}

/** The part that the package leaves to a bundler: connects the module with its JavaScript side. */
async function load(): Promise<void> {
  const path = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(path.replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, {
    './schema_engine_bg.js': { ...bindings, ...timersThatDoNotHold() },
  });
  bindings.__wbg_set_wasm(instance.exports);
  // The engine reports the reason here before an internal fault ends it.
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      set_message(message: string): never {
        throw new Error(`Prisma's schema engine failed: ${message}`);
      },
    },
  });
  (instance.exports as { __wbindgen_start(): void }).__wbindgen_start();
}

/** The engine leaves a timer of ten seconds behind, which must not delay the end of the process. */
function timersThatDoNotHold(): Record<string, unknown> {
  const names = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout_'));
  return Object.fromEntries(names.map((name) => [name, startTimerThatDoesNotHold]));
}

function startTimerThatDoesNotHold(callback: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(callback, ms).unref();
}

/** The driver adapter, corrected in two places where it does not fulfill the engine's requests. */
async function migrationAdapter(pool: Pool): Promise<SqlDriverAdapter> {
  const charColumns = new WeakMap<unknown[], number[]>();
  const adapter = await new PrismaPg(charsAsText(pool, charColumns)).connect();
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const column of charColumns.get(result.rows) ?? [])
      result.columnTypes[column] = ColumnTypeEnum.Character;
    return result;
  };
  // One simple query, which Postgres runs as one transaction. The adapter's own way splits a script at every semicolon, even
  // inside strings and functions, and leaves half of it behind if one piece fails.
  adapter.executeScript = async (script) => {
    try {
      await pool.query(script);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const { code = '', severity = '', message, detail, column, hint } = error;
      throw new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint });
    }
  };
  return adapter;
}

/**
 * Wraps `pool` to return columns of type "char" as text: the adapter refuses the type, which the catalog uses often.
 * @param charColumns receives, for the rows of each result, which columns these were
 */
function charsAsText(pool: Pool, charColumns: WeakMap<unknown[], number[]>): Pool {
  const CHAR: number = types.builtins.CHAR;
  const TEXT: number = types.builtins.TEXT;
  const query = async (config: QueryConfig) => {
    const result = await pool.query(config);
    const columns = [...result.fields.keys()].filter((column) => result.fields[column]?.dataTypeID === CHAR);
    for (const column of columns) result.fields[column].dataTypeID = TEXT;
    charColumns.set(result.rows, columns);
    return result;
  };
  return Object.create(pool, { query: { value: query } }) as Pool;
}
