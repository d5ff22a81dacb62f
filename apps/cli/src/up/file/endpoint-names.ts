import { readFileSync, statSync } from 'node:fs';
import { isMap, isScalar, parseDocument } from 'yaml';
import { findFile } from './find-file.js';
import { MAX_FILE_BYTES } from './parse-file.js';

/**
 * Returns the names of the endpoints of the file that belongs to a folder, for completion: also of a file with mistakes.
 * @throws CliError if there is no file, or another error if it cannot be read
 */
export function endpointNames(folder: string): string[] {
  const path = findFile(folder);
  if (statSync(path).size > MAX_FILE_BYTES) return [];
  const endpoints = parseDocument(readFileSync(path, 'utf8'), { merge: true }).get('endpoints', true);
  if (!isMap(endpoints)) return [];
  return endpoints.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : []));
}
