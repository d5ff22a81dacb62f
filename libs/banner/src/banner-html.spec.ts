import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bannerHtml, STYLE_SOURCE } from './banner-html.js';

const CLOSING = { by: 'form', isRemembered: true } as const;
const NAMES = {
  workload: 'orders',
  namespace: 'shop',
  client: 'jo@laptop',
  pullRequestUrl: null,
  isKept: false,
};
const textOf = (html: string): string =>
  html
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_all, code: string) => String.fromCodePoint(Number(code)));

describe(bannerHtml.name, () => {
  it('names what is shared, by whom, and for which pull request', () => {
    const html = bannerHtml({ ...NAMES, pullRequestUrl: 'https://git.test/a/b/pull/1?x=1&y="' }, CLOSING);
    expect(textOf(html)).toContain('Preview of orders in shop, shared by jo@laptop.');
    expect(html).toContain('href="https://git.test/a/b/pull/1?x=1&#38;y=&#34;"');
    expect(textOf(bannerHtml({ ...NAMES, workload: '', namespace: '', client: '' }, CLOSING))).toContain(
      'Preview of a service.',
    );
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onclick='x",
    '</template></culvert-banner><b>',
    '&lt;b&gt;',
    '\u202egnp.exe\u2066\u0000\u001b[31m\r\nX: y',
    '\ud800 lone \udfff',
    '\u{1f9f5}'.repeat(500),
    'x'.repeat(100_000),
  ])('escapes the name %j', (hostile) => {
    const plain = bannerHtml(NAMES, CLOSING);
    for (const key of ['workload', 'namespace', 'client', 'pullRequestUrl'] as const) {
      const html = bannerHtml({ ...NAMES, [key]: hostile }, CLOSING);
      // The same tags, in ASCII, on one line, and without characters that change the text direction.
      expect(html.match(/<[^>]*>/g)).toEqual(plain.match(/<[^>]*>/g));
      expect(html).toMatch(/^[\x20-\x7e]*$/);
      expect(textOf(html)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      expect(html.length).toBeLessThan(plain.length + 1000);
    }
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', '//git.test', 'https://', 'HTTPS:evil'])(
    'links to nothing but the web: %s',
    (pullRequestUrl) => expect(bannerHtml({ ...NAMES, pullRequestUrl }, CLOSING)).not.toContain('href'),
  );

  it('says that requests are kept, if they are', () => {
    expect(textOf(bannerHtml({ ...NAMES, isKept: true }, CLOSING))).toContain(
      'The team keeps a record of requests.',
    );
    expect(textOf(bannerHtml(NAMES, CLOSING))).not.toContain('record');
  });

  it('has one style element, which its source expression allows', () => {
    const styles = [...bannerHtml(NAMES, CLOSING).matchAll(/<style>(.*?)<\/style>/gs)].map(
      ([, style]) => style,
    );
    expect(styles).toHaveLength(1);
    expect(`'sha256-${createHash('sha256').update(styles[0]).digest('base64')}'`).toBe(STYLE_SOURCE);
    expect(bannerHtml(NAMES, CLOSING)).not.toMatch(/<script|\son\w+=|style=/);
  });
});
