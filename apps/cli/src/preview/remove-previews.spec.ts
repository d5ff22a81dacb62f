import { describe, expect, it } from 'vitest';
import type { Intercept } from '../api.js';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { isStillShown } from './remove-previews.js';

const preview = { interceptId: 'a:web', hostname: 'a.preview.test' };

const isShown = (removedPreview: Intercept['removedPreview']): Promise<boolean> =>
  isStillShown({ call: async () => ({ removedPreview }) as never }, preview);

describe(isStillShown.name, () => {
  it('reports true when the intercept names exactly this hostname', async () => {
    expect(await isShown({ hostname: 'a.preview.test' })).toBe(true);
    expect(await isShown({ hostname: 'b.preview.test' })).toBe(false);
    expect(await isShown(null)).toBe(false);
    // An older server does not report it.
    expect(await isShown(undefined)).toBe(false);
  });

  it('reports false when the intercept cannot be read', async () => {
    const refused = new CliError(EXIT.refused, 'not allowed');
    expect(await isStillShown({ call: () => Promise.reject(refused) }, preview)).toBe(false);
  });
});
