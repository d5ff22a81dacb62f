/** Flags that select the exchanges that `culvert inspect` shows. */
import { InvalidArgumentError } from 'commander';

/** Reads one value of a repeatable `--status` flag. */
export function collectStatus(text: string, before: readonly string[] | undefined): string[] {
  const wanted = text.toLowerCase();
  if (!/^([1-5]\d\d|[1-5]xx|failed)$/.test(wanted))
    throw new InvalidArgumentError('Use a status such as 404, a class such as 4xx, or failed.');
  return [...(before ?? []), wanted];
}

/** Reads one value of a repeatable `--method` flag. */
export function collectMethod(text: string, before: readonly string[] | undefined): string[] {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(text)) throw new InvalidArgumentError('Use an HTTP method.');
  return [...(before ?? []), text.toUpperCase()];
}
