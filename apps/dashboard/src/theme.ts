import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

/** The colors of the pages that the server renders, so that the sign-in and the dashboard look alike. */
const culvert: MantineColorsTuple = [
  '#eef4ff',
  '#dbe7fd',
  '#b5cef8',
  '#8ab6ff',
  '#5f97f3',
  '#3f7fea',
  '#2569dc',
  '#1257c7',
  '#0f4aaa',
  '#0b3a88',
];

const dark: MantineColorsTuple = [
  '#e8ecf2',
  '#cbd3de',
  '#a5b0c0',
  '#7f8b9c',
  '#3d4755',
  '#2b333f',
  '#1b212a',
  '#12161c',
  '#0d1015',
  '#080a0d',
];

export const theme = createTheme({
  primaryColor: 'culvert',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  colors: { culvert, dark },
  fontFamily: 'system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontFamily: 'system-ui, sans-serif', fontWeight: '650' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300, multiline: true, maw: 320 } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45 } } },
    // Its content is a flex item: without this, a long line in it would widen the whole box.
    Alert: { styles: { body: { minWidth: 0 } } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    Paper: { defaultProps: { withBorder: true, bg: 'var(--card)' } },
  },
});

/** Soft text is dark enough to read on every background (WCAG 2.2, 1.4.3). */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#fff',
    '--mantine-color-text': '#1c2430',
    '--mantine-color-dimmed': '#566173',
    '--mantine-color-placeholder': '#6b7688',
    '--mantine-color-error': '#b3202a',
  },
  dark: {
    '--mantine-color-dimmed': '#a5b0c0',
    '--mantine-color-placeholder': '#8a96a8',
    '--mantine-color-error': '#ff9aa0',
  },
});
