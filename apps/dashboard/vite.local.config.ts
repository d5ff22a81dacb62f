import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The local inspector: three files with fixed names, which `culvert` contains. */
export default defineConfig({
  root: path('.'),
  publicDir: false,
  plugins: [react()],
  // The program replaces it with a fresh nonce in every response.
  html: { cspNonce: '{{nonce}}' },
  build: {
    outDir: path('../../dist/apps/local-inspector'),
    emptyOutDir: true,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: path('local.html'),
      output: {
        codeSplitting: false,
        entryFileNames: 'inspector.js',
        assetFileNames: 'inspector[extname]',
      },
    },
  },
});
