import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Policy for Swagger UI from our own origin: it works without the internet and sends nothing to others. Scripts come
 * from files only; styles may be inline, since Swagger UI writes them into elements.
 */
export const DOCS_CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Swagger UI adds the main landmark of the page. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Culvert API</title>
    <link rel="icon" href="/api/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/api/docs/swagger-ui.css">
  </head>
  <body>
    <header>
      <h1 style="position:absolute;clip-path:inset(50%)">Culvert API</h1>
    </header>
    <div id="docs"></div>
    <script src="/api/docs/swagger-ui-bundle.js"></script>
    <script src="/api/docs/start.js"></script>
  </body>
</html>
`;

// `validatorUrl: null`: otherwise Swagger UI sends the document to a validator on the internet.
const START_SCRIPT = `SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
});
`;

interface DocsFile {
  readonly type: string;
  /** Path of the file. Absent: `text` is the content. */
  readonly path?: string;
  readonly text?: string;
}

const swaggerUi = findSwaggerUi();

/** Every file that the page loads, by name; nothing else of the package is served. */
export const DOCS_FILES: ReadonlyMap<string, DocsFile> = new Map([
  ['start.js', { type: 'text/javascript', text: START_SCRIPT }],
  ['swagger-ui-bundle.js', { type: 'text/javascript', path: join(swaggerUi, 'swagger-ui-bundle.js') }],
  ['swagger-ui.css', { type: 'text/css', path: join(swaggerUi, 'swagger-ui.css') }],
  ['favicon-32x32.png', { type: 'image/png', path: join(swaggerUi, 'favicon-32x32.png') }],
]);

/** Returns the folder of Swagger UI: in the npm package of the server beside the bundles, otherwise in node_modules. */
function findSwaggerUi(): string {
  const packed = fileURLToPath(new URL('../apps/swagger-ui', import.meta.url));
  if (existsSync(packed)) return packed;
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}
