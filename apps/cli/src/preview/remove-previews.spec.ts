import { expect, it } from 'vitest';
import type { Intercept } from '../api.js';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { isStillShown } from './remove-previews.js';

const preview = { interceptId: 'a:web', hostname: 'a.preview.test' };

const isShown = (removedPreview: Intercept['removedPreview']): Promise<boolean> =>
  isStillShown({ call: async () => ({ removedPreview }) as never }, preview);

it('a removed preview is still shown when its intercept says so of this very hostname', async () => {
  expect(await isShown({ hostname: 'a.preview.test' })).toBe(true);
  expect(await isShown({ hostname: 'b.preview.test' })).toBe(false);
  expect(await isShown(null)).toBe(false);
  // An older server does not say.
  expect(await isShown(undefined)).toBe(false);
});

it('a removed preview is taken for one that is not shown when its intercept cannot be read', async () => {
  const refused = new CliError(EXIT.refused, 'not allowed');
  expect(await isStillShown({ call: () => Promise.reject(refused) }, preview)).toBe(false);
});
