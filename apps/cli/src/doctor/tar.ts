/** Writes archives in the ustar format (POSIX.1-1988): small text files only. */

const BLOCK = 512;
const MAX_NAME_BYTES = 100;

export interface TarFile {
  /** ASCII, at most 100 bytes. */
  readonly name: string;
  readonly content: string;
}

/** Returns an archive of files that only their owner may read. */
export function tarOf(files: readonly TarFile[], modifiedAt: Date): Buffer {
  const parts = files.flatMap(({ name, content }) => {
    const bytes = Buffer.from(content);
    return [headerOf(name, bytes.length, modifiedAt), bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function headerOf(name: string, size: number, modifiedAt: Date): Buffer {
  if (name.length > MAX_NAME_BYTES) throw new RangeError(`the name ${name} is too long for an archive`);
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 'ascii');
  header.write(octal(0o600, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(Math.floor(modifiedAt.getTime() / 1000), 11), 136);
  // The checksum counts as spaces while it is computed.
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}
