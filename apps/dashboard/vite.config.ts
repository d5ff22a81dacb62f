import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * Loads `first-paint.js` before everything else, from a file of its own: the Content-Security-Policy allows no inline
 * scripts, and a module would run after the first paint.
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

/** Address of `npm run demo` or `npm start`, whose API the development server shows below the dashboard. */
const SERVER = process.env['CULVERT_URL'] ?? 'http://localhost:8080';

export default defineConfig({
  root: path('.'),
  publicDir: false,
  plugins: [react(), firstPaint()],
  // The server replaces it with a fresh nonce in every response.
  html: { cspNonce: '{{nonce}}' },
  build: {
    outDir: path('../../dist/apps/dashboard'),
    emptyOutDir: true,
    manifest: true,
    // The policy allows `data:` only for images, and small files are better cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The compressed size of a loaded page matters: test/dashboard/many-previews.spec.ts has the limit.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: {
        // Otherwise every module that two pages share is a file, and a page waits for thirty of them.
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
        // As if the request came from a page of the server, which refuses changes from other origins.
        { target: SERVER, changeOrigin: true, headers: { origin: SERVER } },
      ]),
    ),
  },
});
