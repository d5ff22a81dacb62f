/**
 * The documentation site: `npm run docs` builds it into `dist/docs-site`. It loads nothing from other hosts. The environment
 * can set `DOCS_BASE`, the path under which it is served (`/`), and `DOCS_REPOSITORY_URL`, the address below which a forge
 * shows files of the repository. Without the latter, links to files outside `docs/` become plain text.
 */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type MarkdownRenderer } from 'vitepress';
import { readPages, slugOf } from '../../infra/docs/markdown.mjs';
import { navigationOf, START_PAGE } from '../../infra/docs/navigation.js';

const docs = fileURLToPath(new URL('../', import.meta.url));
const repositoryUrl = process.env['DOCS_REPOSITORY_URL']?.replace(/\/$/, '');

const mark = readFileSync(new URL('../../apps/dashboard/src/assets/mark.svg', import.meta.url), 'base64');
const MARK = `data:image/svg+xml;base64,${mark}`;

/** Sections that open only when a reader is on one of their pages. */
const COLLAPSED = ['Decisions'];

const sidebar = navigationOf(readPages(docs)).map(({ title, pages }) => ({
  text: title,
  collapsed: COLLAPSED.includes(title),
  items: pages.map((page) => ({ text: page.title, link: `/${page.path.replace(/\.md$/, '')}` })),
}));

/** Makes links to files outside `docs/` lead to the forge, or into plain text. */
function linkRepository(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
    const { relativePath } = env as { readonly relativePath?: string };
    for (const { children } of tokens) {
      for (const [index, token] of (children ?? []).entries()) {
        const href = token.type === 'link_open' ? token.attrGet('href') : null;
        if (href === null || /^[a-z]+:/i.test(href)) continue;
        const file = posix.join('docs', posix.dirname(relativePath ?? ''), href);
        if (file.startsWith('docs/') || href.startsWith('#')) continue;
        if (repositoryUrl !== undefined) {
          token.attrSet('href', `${repositoryUrl}/${file}`);
          continue;
        }
        const close = children?.slice(index).find(({ type }) => type === 'link_close');
        for (const part of [token, close]) {
          if (part !== undefined) Object.assign(part, { type: 'plain', tag: 'span', attrs: null });
        }
      }
    }
  });
}

export default defineConfig({
  title: 'Culvert',
  description: 'Preview URLs for services in private networks',
  lang: 'en-US',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: MARK }]],
  base: process.env['DOCS_BASE'] ?? '/',
  outDir: '../dist/docs-site',
  cacheDir: '../node_modules/.cache/vitepress',
  // Examples in code blocks name addresses of a reader's own machine.
  ignoreDeadLinks: 'localhostLinks',
  rewrites: { [START_PAGE]: 'index.md' },
  markdown: { anchor: { slugify: slugOf }, toc: { slugify: slugOf }, config: linkRepository },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    search: {
      provider: 'local',
      // All words of a query, because names of settings are several: `MANAGER_WAIT_MS`.
      options: { miniSearch: { searchOptions: { combineWith: 'AND', fuzzy: 0.2, prefix: true } } },
    },
    docFooter: { prev: 'Previous', next: 'Next' },
  },
});
