/**
 * The rule of outgoing HTTP: requests go through `HttpClient` of libs/outbound, which has the limits, proxies and certificates.
 * Tests are clients of what they test, and the dashboard runs in a browser.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOfTests } from './import-direction.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

const CLIENT_MODULES = /^(node:)?http(s|2)?$/;
/** Exports of those modules that servers use, and types. */
const FOR_SERVERS =
  /^(create(Secure)?Server|Server|IncomingMessage|ServerResponse|STATUS_CODES|METHODS|constants|sensitiveHeaders|validate\w+)$/;
const CLIENT_PACKAGES = /^(axios|got|http2-wrapper|node-fetch|superagent|undici)(\/|$)/;
const GLOBALS = new Set(['globalThis', 'global', 'window', 'self']);

const ADVICE = 'use HttpClient of @culvert/outbound: it has the limits, proxies and certificates';

/** `culvert/outgoing-http`. */
export const outgoingHttp = {
  meta: {
    type: 'problem',
    docs: { description: 'Requests to other servers go through HttpClient of libs/outbound' },
  },
  create(context) {
    const file = relative(root, context.filename).replaceAll('\\', '/');
    if (
      !/^(apps|libs)\//.test(file) ||
      /^(libs\/(outbound|testkit)|apps\/dashboard)\//.test(file) ||
      isOfTests(file)
    )
      return {};
    const report = (node, what) =>
      context.report({ node, message: `${what} sends requests past every limit: ${ADVICE}` });
    return {
      ImportDeclaration(node) {
        const module = node.source.value;
        if (CLIENT_PACKAGES.test(module)) report(node, module);
        if (!CLIENT_MODULES.test(module) || node.importKind === 'type') return;
        for (const specifier of node.specifiers) {
          const name = specifier.imported?.name ?? 'everything';
          if (specifier.importKind !== 'type' && !FOR_SERVERS.test(name))
            report(specifier, `${name} of ${module}`);
        }
      },
      MemberExpression(node) {
        const isFetch = node.property.name === 'fetch' || node.property.value === 'fetch';
        if (isFetch && GLOBALS.has(node.object.name)) report(node, 'fetch');
      },
    };
  },
};
