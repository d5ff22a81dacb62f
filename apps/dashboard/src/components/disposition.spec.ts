import { MantineProvider } from '@mantine/core';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { Schemas } from '../api/client.js';
import { Disposition } from './disposition.js';

function markupOf(disposition: string): string {
  const shown = { disposition: disposition as Schemas['Intercept']['disposition'], message: '' };
  return renderToStaticMarkup(createElement(MantineProvider, null, createElement(Disposition, shown)));
}

describe('Disposition', () => {
  it('shows the state in words, with its tone', () => {
    expect(markupOf('NO_AGENT')).toMatch(/data-tone="bad".*No agent/);
  });

  it('shows the name of a state that only a newer server knows, in a neutral tone', () => {
    expect(markupOf('PAUSED')).toMatch(/data-tone="off".*PAUSED/);
  });
});
