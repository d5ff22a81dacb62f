import { Readable } from 'node:stream';
import { BackupError } from '@culvert/store';
import { unpackTar } from 'modern-tar';
import { describe, expect, it } from 'vitest';
import { type Manifest, openArchive, writeArchive } from './archive.js';

const ABOUT = {
  culvert: '0.1.0',
  createdAt: '2026-12-01T09:30:00.000Z',
  database: 'server',
  postgres: 17,
  migrations: ['20261120224716_init'],
} as const satisfies Omit<Manifest, 'format'>;
const PIECE = 4 * 1024 * 1024;

async function archiveOf(...chunks: Buffer[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeArchive(
    { ...ABOUT, migrations: [...ABOUT.migrations] },
    Readable.from(chunks),
  ))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Reads an archive in chunks of a size that divides no block. */
async function read(archive: Buffer): Promise<{ manifest: Manifest; dump: Buffer }> {
  const chunks = Array.from({ length: Math.ceil(archive.length / 60_001) }, (_, i) =>
    archive.subarray(i * 60_001, (i + 1) * 60_001),
  );
  const { manifest, dump } = await openArchive(Readable.from(chunks));
  const pieces: Buffer[] = [];
  for await (const piece of dump) pieces.push(piece);
  return { manifest, dump: Buffer.concat(pieces) };
}

function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
}

describe('an archive', () => {
  it.each([0, 1, 511, 512, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 7])(
    'returns a dump of %i bytes as it was written, whatever its chunks are',
    async (length) => {
      const dump = noise(length);
      const middle = length >> 1;
      const found = await read(await archiveOf(dump.subarray(0, middle), dump.subarray(middle)));
      expect(found.dump.equals(dump)).toBe(true);
      expect(found.manifest).toEqual({ format: 1, ...ABOUT });
    },
  );

  it('is a tar archive whose pieces are the dump', async () => {
    const dump = noise(PIECE + 5);
    const files = await unpackTar(await archiveOf(dump));
    expect(files.map(({ header }) => header.name)).toEqual([
      'manifest.json',
      'database/00000001',
      'database/00000002',
      'checksum.json',
    ]);
    expect(Buffer.concat([files[1].data!, files[2].data!]).equals(dump)).toBe(true);
    for (const { header } of files) expect(header.mode).toBe(0o600);
  });

  it('withholds the last piece of a damaged dump', async () => {
    const archive = await archiveOf(noise(2 * PIECE));
    archive[archive.length - 4096] ^= 1;
    const { dump } = await openArchive(Readable.from([archive]));
    let bytes = 0;
    const reading = (async () => {
      for await (const piece of dump) bytes += piece.length;
    })();
    await expect(reading).rejects.toThrow('the archive is damaged: its checksum is wrong');
    expect(bytes).toBe(PIECE);
  });

  it.each<[string, (archive: Buffer) => Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /cannot be read/],
    ['text', () => Buffer.from('hello\n'.repeat(500)), /not a backup|cannot be read/],
    ['half of it', (archive) => archive.subarray(0, archive.length >> 1), /incomplete|cannot be read/],
    ['everything but the checksum', (archive) => archive.subarray(0, -2048), /incomplete|cannot be read/],
    ['a damaged header', (archive) => changed(archive, 100), /not a backup|cannot be read/],
    ['a damaged manifest', (archive) => changed(archive, 520), /not a backup|checksum is wrong/],
    [
      'a later format',
      (archive) => replaced(archive, '"format": 1', '"format": 9'),
      /made by a newer Culvert/,
    ],
    [
      'another manifest',
      (archive) => replaced(archive, '"postgres": 17', '"postgres": 18'),
      /checksum is wrong/,
    ],
  ])('is refused with %s', async (_what, change, message) => {
    const reading = read(change(await archiveOf(noise(5000))));
    await expect(reading).rejects.toThrow(BackupError);
    await expect(reading).rejects.toThrow(message);
  });
});

function changed(archive: Buffer, at: number): Buffer {
  archive[at] ^= 255;
  return archive;
}

function replaced(archive: Buffer, from: string, to: string): Buffer {
  archive.write(to, archive.indexOf(from));
  return archive;
}
