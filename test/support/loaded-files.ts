/** Files that a bundled program loads before its own first line runs. */
import { readFileSync } from 'node:fs';

export interface LoadedFile {
  readonly name: string;
  readonly bytes: number;
}

/** Returns the files that a program has loaded when its own first line runs, itself first. */
export function filesLoadedBy(program: URL): LoadedFile[] {
  const files = new Map<string, LoadedFile>();
  const queue = [program];
  for (let file = queue.pop(); file; file = queue.pop()) {
    if (files.has(file.href)) continue;
    const text = readFileSync(file, 'utf8');
    files.set(file.href, { name: file.pathname.split('/').at(-1) ?? '', bytes: text.length });
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export)(?: .*? from)? ["'](\.[^"']+)["'];/gm))
      queue.push(new URL(specifier, file));
  }
  return [...files.values()];
}
