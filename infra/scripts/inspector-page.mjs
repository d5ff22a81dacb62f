// Puts the page of the local inspector into bundles of `culvert`, compressed, as one module.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../../dist/apps/local-inspector/', import.meta.url));
const MODULE = '/apps/cli/src/inspector/page-files.ts';

/** Name of the file with the ids of the modules that the page consists of, whose licenses go with it. */
export const MODULES_FILE = 'modules.json';

/** Returns the ids of the page's modules if the page is among `ids`, the modules of a bundle. */
export function modulesOfInspectorPage(ids) {
  const hasPage = ids.some((id) => id.endsWith(MODULE));
  return hasPage ? JSON.parse(readFileSync(folder + MODULES_FILE, 'utf8')) : [];
}

/** Returns a plugin of Rolldown that replaces the module which reads the page's files. */
export function withInspectorPage() {
  return {
    name: 'inspector-page',
    load(id) {
      if (!id.endsWith(MODULE)) return null;
      if (!existsSync(`${folder}local.html`))
        throw new Error('dist/apps/local-inspector does not exist: run "npm run build" first');
      const packed = (name) => {
        const bytes = gzipSync(readFileSync(folder + name), { level: constants.Z_BEST_COMPRESSION });
        return `Buffer.from('${bytes.toString('base64')}', 'base64')`;
      };
      const html = JSON.stringify(readFileSync(`${folder}local.html`, 'utf8'));
      return `const files = { html: ${html}, script: ${packed('inspector.js')}, style: ${packed('inspector.css')} };
export const pageFiles = () => files;
`;
    },
  };
}
