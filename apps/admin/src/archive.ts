/**
 * The format of a backup: a tar archive that can be written to a pipe and read from one.
 *
 *     manifest.json         what the backup is of
 *     database/00000001     the dump, in pieces, because a tar archive states the length of a file before its content
 *     database/00000002 …
 *     checksum.json         length and SHA-256 of manifest and dump: without it the archive is incomplete
 *
 * `tar xf FILE && cat database/*` restores the dump without this program.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { BackupError } from '@culvert/store';
import { createTarDecoder, packTar, type ParsedTarEntry } from 'modern-tar';
import { z } from 'zod';

const FORMAT = 1;
const PIECE_BYTES = 4 * 1024 * 1024;
const MAX_ENTRY_BYTES = 2 * PIECE_BYTES;
/** Two empty blocks end an archive. */
const TAR_END_BYTES = 1024;

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  /** Version of Culvert that made the backup. */
  culvert: z.string().max(64),
  createdAt: z.iso.datetime(),
  /** `server`: the dump is one of `pg_dump --format=custom`. `embedded`: a gzipped tar archive of the data directory. */
  database: z.enum(['server', 'embedded']),
  /** Major version of Postgres. */
  postgres: z.int().min(1).max(1000),
  /** Names of the applied migrations, in order. */
  migrations: z.array(z.string().max(255)).min(1).max(100_000),
});

const checksumSchema = z.object({ bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export type Manifest = z.output<typeof manifestSchema>;

/** Yields the bytes of an archive. Holds one piece in memory. */
export async function* writeArchive(
  about: Omit<Manifest, 'format'>,
  dump: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const mtime = new Date(about.createdAt);
  const hash = createHash('sha256');
  let bytes = 0;
  const entry = async (name: string, body: Uint8Array): Promise<Uint8Array> => {
    const whole = await packTar([{ header: { name, size: body.length, mode: 0o600, mtime }, body }]);
    return whole.subarray(0, whole.length - TAR_END_BYTES);
  };
  const manifest = jsonOf({ format: FORMAT, ...about } satisfies Manifest);
  hash.update(manifest);
  yield entry('manifest.json', manifest);
  let number = 0;
  for await (const piece of inPieces(dump)) {
    hash.update(piece);
    bytes += piece.length;
    number++;
    yield entry(`database/${String(number).padStart(8, '0')}`, piece);
  }
  const checksum = jsonOf({ bytes, sha256: hash.digest('hex') } satisfies z.output<typeof checksumSchema>);
  yield entry('checksum.json', checksum);
  yield new Uint8Array(TAR_END_BYTES);
}

/** An archive that is being read. */
export interface Archive {
  readonly manifest: Manifest;
  /**
   * The dump. Its last piece comes only after the checksum of the whole was found to be right.
   * @throws BackupError if the archive is damaged or incomplete
   */
  readonly dump: AsyncIterable<Buffer>;
}

/** Reads the beginning of an archive. @throws BackupError if it is not one, or one of a later format */
export async function openArchive(input: Readable): Promise<Archive> {
  const entries = entriesOf(input);
  const first = await entries.next();
  if (first.done === true || first.value.name !== 'manifest.json')
    throw new BackupError('this is not a backup of Culvert');
  const { body } = first.value;
  return { manifest: parseManifest(body), dump: readDump(entries, body) };
}

interface Entry {
  readonly name: string;
  readonly body: Buffer;
}

async function* entriesOf(input: Readable): AsyncGenerator<Entry, void> {
  const parsed = Readable.toWeb(input).pipeThrough(createTarDecoder({ strict: true }) as never);
  try {
    for await (const { header, body } of parsed as AsyncIterable<ParsedTarEntry>) {
      if (header.size > MAX_ENTRY_BYTES) throw new BackupError('this is not a backup of Culvert');
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      yield { name: header.name, body: Buffer.concat(pieces) };
    }
  } catch (cause) {
    if (cause instanceof BackupError || (cause as NodeJS.ErrnoException).syscall !== undefined) throw cause;
    throw new BackupError(`the archive cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function* readDump(entries: AsyncGenerator<Entry, void>, manifest: Buffer): AsyncGenerator<Buffer> {
  const hash = createHash('sha256').update(manifest);
  let bytes = 0;
  let held: Buffer | null = null;
  for await (const { name, body } of entries) {
    if (name.startsWith('database/')) {
      hash.update(body);
      bytes += body.length;
      if (held !== null) yield held;
      held = body;
    } else if (name === 'checksum.json') {
      const expected = checksumSchema.safeParse(parseJson(body));
      if (!expected.success || expected.data.bytes !== bytes || expected.data.sha256 !== hash.digest('hex'))
        throw new BackupError('the archive is damaged: its checksum is wrong');
      if (held !== null) yield held;
      return;
    }
  }
  throw new BackupError('the archive is incomplete: it has no checksum');
}

function parseManifest(body: Buffer): Manifest {
  const json = parseJson(body);
  const format = z.object({ format: z.int() }).safeParse(json);
  if (format.success && format.data.format > FORMAT)
    throw new BackupError(
      'the archive was made by a newer Culvert: restore it with that version or a later one',
    );
  const manifest = manifestSchema.safeParse(json);
  if (!manifest.success) throw new BackupError('this is not a backup of Culvert');
  return manifest.data;
}

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    let rest = chunk;
    while (length + rest.length >= PIECE_BYTES) {
      const room = PIECE_BYTES - length;
      yield Buffer.concat([...pieces, rest.subarray(0, room)]);
      rest = rest.subarray(room);
      pieces = [];
      length = 0;
    }
    pieces.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(pieces);
}

function jsonOf(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
