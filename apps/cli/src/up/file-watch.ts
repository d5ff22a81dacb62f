import { unwatchFile, watchFile } from 'node:fs';

/** Editors replace files in many ways, which only the file's state reveals for sure. */
const LOOK_MS = 300;

/** Calls `onChange` after each change of a file, until the returned function is called. */
export function watchForChanges(path: string, onChange: () => void): () => void {
  const listener = (): void => onChange();
  watchFile(path, { interval: LOOK_MS }, listener);
  return () => unwatchFile(path, listener);
}
