import { describe, expect, it } from 'vitest';
import type { Preview } from '../../api/previews.js';
import { removalText } from './removal-text.js';

const preview = (trafficManagerId: string): Preview =>
  ({ hostname: 'a.preview.test', trafficManagerId, intercept: { name: 'web' } }) as Preview;

describe(removalText.name, () => {
  it('says that the removal of a preview cannot be undone', () => {
    const text = removalText([preview('1')], new Set(['2']));
    expect(text).toContain('a.preview.test stops working at once');
    expect(text).toContain('cannot be undone');
    expect(removalText([preview('1'), preview('1')], new Set())).toContain('cannot be undone');
  });

  it('tells the developer what to do if Telepresence keeps showing the URL', () => {
    const text = removalText([preview('2')], new Set(['2']));
    expect(text).toContain('“telepresence preview remove web”');
    expect(text).not.toContain('cannot be undone');
    expect(removalText([preview('1'), preview('2')], new Set(['2']))).toContain(
      '“telepresence preview remove <name>”',
    );
  });
});
