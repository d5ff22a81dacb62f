import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * Loads `first-paint.js` before everything else, from a file of its own: the Content-Security-Policy runs no script
 * that stands in a page, and a module would run after the first paint.
 */
function firstPaint(): Plugin {
  let reference: string | undefined;
  return {
    name: 'culvert-first-paint',
    buildStart() {
      if (this.meta.watchMode) return;
      const source = readFileSync(path('src/first-paint.js'), 'utf8');
      reference = this.emitFile({ type: 'asset', name: 'first-paint.js', source });
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const src = bundle && reference ? `/${this.getFileName(reference)}` : '/src/first-paint.js';
        return [{ tag: 'script', attrs: { src }, injectTo: 'head-prepend' }];
      },
    },
  };
}

/** Where `npm run demo` or `npm start` listens: the development server shows its API under the dashboard. */
const SERVER = process.env['CULVERT_URL'] ?? 'http://localhost:8080';

export default defineConfig({
  root: path('.'),
  publicDir: false,
  plugins: [react(), firstPaint()],
  // The server puts a fresh nonce in its place with every answer.
  html: { cspNonce: '{{nonce}}' },
  build: {
    outDir: path('../../dist/apps/dashboard'),
    emptyOutDir: true,
    manifest: true,
    // No `data:` in the policy but for images; small files are better off in the cache.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What counts is what a page loads compressed: test/dashboard/many-previews.spec.ts has the limit.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: {
        // Else every module that two pages share is a file, and a page waits for thirty of them.
        codeSplitting: {
          groups: [
            { name: 'main', tags: ['$initial'], priority: 2 },
            { name: 'shared', minShareCount: 3, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/sign-in', '/sign-out', '/reset-password', '/invitations', '/account'].map((prefix) => [
        prefix,
        // As if a page of the server asked: it takes changes from none else.
        { target: SERVER, changeOrigin: true, headers: { origin: SERVER } },
      ]),
    ),
  },
});
