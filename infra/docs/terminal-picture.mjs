// Draws what a terminal showed as an SVG in which lines appear one after another. Readers who prefer less motion see all of
// them at once. It needs no script, so that forges show it.

const FONT_SIZE = 14;
const LINE_HEIGHT = 21;
/** Width of a character of a monospaced font, for the width of the picture. */
const CHARACTER_WIDTH = 8.43;
const MARGIN = 20;
const BAR_HEIGHT = 34;
/** Longest pause between two lines. */
const MAX_PAUSE_MS = 1100;

/** @type {Record<string, string>} */
const COLORS = { prompt: '#f3f5f7', key: '#f3f5f7', url: '#7cc7ff', output: '#c6ced6', note: '#93a0ad' };

function escapeXml(text) {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // XML allows no control characters.
      .replaceAll(/\p{Cc}/gu, '')
  );
}

/**
 * Returns the SVG.
 * @param {string} title what the picture shows, for readers who do not see it
 * @param {readonly import('./terminal-picture.mjs').TerminalLine[]} lines by time
 */
export function drawTerminal(title, lines) {
  const columns = Math.max(...lines.map(({ text }) => text.length + 2));
  const width = Math.ceil(columns * CHARACTER_WIDTH) + 2 * MARGIN;
  const height = BAR_HEIGHT + lines.length * LINE_HEIGHT + MARGIN;
  let showAtMs = 0;
  let previousMs = lines[0]?.atMs ?? 0;
  const rows = lines.map(({ atMs, kind, text }, index) => {
    showAtMs += Math.min(Math.max(atMs - previousMs, 0), MAX_PAUSE_MS);
    previousMs = atMs;
    const y = BAR_HEIGHT + (index + 1) * LINE_HEIGHT - 6;
    const shown = kind === 'prompt' ? `$ ${text}` : text;
    return (
      `<text x="${MARGIN}" y="${y}" fill="${COLORS[kind]}" style="animation-delay:${Math.round(showAtMs)}ms">` +
      `${escapeXml(shown)}</text>`
    );
  });
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (color, index) => `<circle cx="${MARGIN + 5 + index * 18}" cy="17" r="5" fill="${color}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;animation:show 0s both}
@keyframes show{from{visibility:hidden}to{visibility:visible}}
@media(prefers-reduced-motion:reduce){text{animation:none}}
</style>
<rect width="${width}" height="${height}" rx="10" fill="#16202b"/>
${dots.join('')}
${rows.join('\n')}
</svg>
`;
}
