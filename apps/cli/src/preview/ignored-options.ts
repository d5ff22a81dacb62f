/** Options that servers of earlier versions do not know. They leave the field out of their answer. */
import { VERSION } from '@culvert/client';
import type { Preview } from '../api.js';

/** The newest options of previews by their fields: what they are called where a person gave them; absent: not given. */
export interface NewestOptions {
  readonly addressedAs?: string | false | undefined;
  readonly allowUpgrades?: string | false | undefined;
}

/** Returns a note for people about the options that the server ignored; null if there are none. */
export function ignoredOptions(preview: Preview, given: NewestOptions): string | null {
  const ignored = [
    preview.ingress.addressedAs === undefined && given.addressedAs,
    preview.allowUpgrades === undefined && given.allowUpgrades,
  ].filter((name) => typeof name === 'string');
  if (ignored.length === 0) return null;
  const names = ignored.join(' and ');
  return `Warning: the server ignores ${names}, because it is older than culvert ${VERSION}. Ask its operator to update it.`;
}
