import { beforeAll, describe, expect, it } from 'vitest';
import { type Diagnostic, lintFiles } from './lint.js';

const RULES = ['culvert(outgoing-http)', 'eslint(no-restricted-globals)'];

/** `[file, text, whether it is reported]` */
const CASES: [file: string, text: string, isReported: boolean][] = [
  ['apps/api/src/a1.ts', "export const a = () => fetch('https://a.example');", true],
  ['apps/api/src/a2.ts', "export const a = () => globalThis.fetch('https://a.example');", true],
  ['apps/api/src/a3.ts', 'export const a = { fetch };', true],
  [
    'apps/api/src/a4.ts',
    "export const a = (fetch: (url: string) => void) => fetch('https://a.example');",
    false,
  ],
  ['libs/runtime/src/b1.ts', "import { request } from 'node:https';\nexport const b = request;", true],
  ['libs/runtime/src/b2.ts', "import http from 'node:http';\nexport const b = http;", true],
  ['libs/runtime/src/b3.ts', "import { get } from 'http';\nexport const b = get;", true],
  [
    'libs/runtime/src/b4.ts',
    "import { createServer, type ClientRequest } from 'node:http';\nexport const b = (_: ClientRequest) => createServer();",
    false,
  ],
  ['libs/runtime/src/b5.ts', "import type { Agent } from 'node:http';\nexport type B = Agent;", false],
  ['libs/relay/src/b6.ts', "import { connect } from 'node:http2';\nexport const b = connect;", true],
  ['libs/relay/src/b7.ts', "import http2 from 'http2';\nexport const b = http2;", true],
  [
    'libs/relay/src/b8.ts',
    "import { constants, createSecureServer } from 'node:http2';\nexport const b = [constants, createSecureServer];",
    false,
  ],
  ['libs/relay/src/b9.spec.ts', "import { connect } from 'node:http2';\nexport const b = connect;", false],
  ['libs/testkit/src/b10.ts', "import { connect } from 'node:http2';\nexport const b = connect;", false],
  ['apps/cli/src/c1.ts', "import { request } from 'undici';\nexport const c = request;", true],
  ['apps/cli/src/c2.ts', "import http2 from 'http2-wrapper';\nexport const c = http2;", true],
  ['libs/outbound/src/d1.ts', "import http2 from 'http2-wrapper';\nexport const d = [http2, fetch];", false],
  ['apps/dashboard/src/d2.ts', "export const d = () => fetch('/api');", false],
  ['apps/api/src/d3.spec.ts', "export const d = () => fetch('http://127.0.0.1');", false],
  ['apps/api/src/spec/d4.ts', "import http from 'node:http';\nexport const d = [http, fetch];", false],
];

describe('the rule of outgoing HTTP', () => {
  let diagnostics: Diagnostic[];

  beforeAll(async () => {
    const files = Object.fromEntries(CASES.map(([file, text]) => [file, `${text}\n`]));
    diagnostics = (await Promise.all(RULES.map((rule) => lintFiles(files, rule)))).flat();
  });

  it.each(CASES)('in %s judges %j', (file, _text, isReported) => {
    const found = diagnostics.filter(({ filename }) => filename === file);
    expect(found.length > 0).toBe(isReported);
    for (const { message } of found) expect(message).toMatch(/HttpClient|fetch/);
  });
});
