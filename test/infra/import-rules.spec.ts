import { beforeAll, describe, expect, it } from 'vitest';
import { type Diagnostic, lintFiles } from './lint.js';

/** `[file, statement, part of the message, or null if the import is allowed]` */
const CASES: [file: string, statement: string, complaint: string | null][] = [
  // apps
  ['apps/edge/src/a1.ts', "import '@culvert/relay';", null],
  ['apps/edge/src/a2.ts', "import '@culvert/api';", 'no app imports an app'],
  ['apps/api/src/a3.ts', "export { x } from '@culvert/edge';", 'no app imports an app'],
  ['apps/standalone/src/a4.ts', "import '@culvert/edge';\nimport '@culvert/api';", null],
  [
    'apps/standalone/src/a5.ts',
    "import '@culvert/sample-service';\nimport '@culvert/traffic-manager';",
    null,
  ],
  ['apps/standalone/src/a6.ts', "import '@culvert/dashboard';", 'standalone alone composes'],
  ['apps/sample-service/src/a7.ts', "import '@culvert/tunnel';", 'knows nothing of Culvert'],
  ['apps/traffic-manager/src/a8.ts', "import '@nestjs/common';", 'runs without a framework'],
  ['apps/edge/src/a9.ts', "import '@nestjs/common';", null],
  ['apps/dashboard/src/a10.ts', "import '@culvert/contract';\nimport 'react';", null],
  ['apps/dashboard/src/a11.tsx', "import '@culvert/domain';", 'runs in a browser'],
  ['apps/dashboard/src/a12.ts', "import 'node:fs';", 'runs in a browser'],
  ['apps/dashboard/vite.config.ts', "import 'node:fs';", null],
  ['test/infra/a13.spec.ts', "import '../../infra/lint/prose-docs.mjs';", null],
  ['test/system/a14.spec.ts', "import '../../infra/lint/prose-docs.mjs';", 'must stay inside test'],
  ['apps/api/src/people/a15.controller.ts', "import type { Request } from 'express';", null],
  ['apps/api/src/http/a16.middleware.ts', "import type { Request } from 'express';", null],
  [
    'apps/api/src/people/a17.service.ts',
    "import type { Request } from 'express';",
    'services take plain values',
  ],
  ['apps/api/src/people/a18.ts', "import type { Response } from 'express';", 'services take plain values'],
  ['apps/api/src/people/a19.spec.ts', "import type { Response } from 'express';", null],
  // libs
  ['libs/relay/src/b1.ts', "import '@culvert/tunnel';\nimport '@culvert/http1';", null],
  ['libs/relay/src/b2.ts', "import '@culvert/domain';", null],
  ['libs/relay/src/b22.ts', "import '@culvert/store';", 'relay is the data plane'],
  ['libs/relay/src/b3.ts', "import '@culvert/edge';", 'relay is the data plane'],
  ['libs/store/src/b4.ts', "import '@culvert/domain';\nimport 'pg';", null],
  ['libs/store/src/b5.ts', "import '@culvert/events';", 'store implements the ports'],
  ['libs/store/src/b6.ts', "import '@nestjs/common';", 'runs without a framework'],
  ['libs/events/src/b7.ts', "import '@culvert/store';", 'events is the bus'],
  ['libs/nest/src/b8.ts', "import '@culvert/contract';\nimport '@culvert/runtime';", null],
  ['libs/nest/src/b9.ts', "import '@culvert/relay';", 'the data plane stays out'],
  ['libs/nest/src/b10.ts', "import '@culvert/api';", 'the data plane stays out'],
  ['libs/nest/src/b12.ts', "import '@culvert/store';", 'the data plane stays out'],
  ['libs/runtime/src/b13.ts', "import 'pino';\nimport 'zod';\nimport '@culvert/domain';", null],
  ['libs/runtime/src/b14.ts', "import '@culvert/contract';", 'neither a framework'],
  ['libs/runtime/src/b15.ts', "import '@nestjs/common';", 'neither a framework'],
  ['libs/previews/src/b16.ts', "import '@culvert/domain';\nimport 'node:crypto';", null],
  ['libs/previews/src/b17.ts', "import '@culvert/store';", 'neither a framework nor who calls'],
  ['libs/new-lib/src/b11.ts', "import 'node:fs';", 'has no row'],
  // the inner libs
  ['libs/http1/src/c1.ts', "import '@culvert/tunnel';", 'no I/O and no dependency'],
  ['libs/http1/src/c2.ts', "import 'node:net';", 'no I/O and no dependency'],
  ['libs/tunnel/src/c3.ts', "import 'ws';\nimport '@culvert/flow';", null],
  ['libs/tunnel/src/c4.ts', "import '@nestjs/common';", 'another language'],
  ['libs/flow/src/c10.ts', "import '@culvert/tunnel';", 'ground floor of the protocols'],
  ['libs/flow/src/c11.ts', "import 'node:net';", 'ground floor of the protocols'],
  ['libs/domain/src/c5.ts', "import '@prisma/client';", 'domain holds the rules'],
  ['libs/domain/src/c6.ts', "import '@culvert/contract';", 'domain holds the rules'],
  ['libs/domain/src/c10.ts', "import '@culvert/terms';", null],
  ['libs/contract/src/c7.ts', "import 'zod/mini';\nimport '@culvert/terms';", null],
  ['libs/contract/src/c8.ts', "import 'express';", 'shared with the browser'],
  ['libs/contract/src/c9.ts', "import 'node:crypto';", 'shared with the browser'],
  ['libs/contract/src/c11.ts', "import '@culvert/domain';", 'shared with the browser'],
  ['libs/terms/src/c12.ts', "import 'zod';", 'nothing that runs'],
  // the testkit
  ['libs/tunnel/src/d1.ts', "import '@culvert/testkit';", 'only tests import the testkit'],
  ['apps/edge/src/d2.ts', "import '@culvert/testkit';", 'only tests import the testkit'],
  ['libs/tunnel/src/d3.spec.ts', "import '@culvert/testkit';\nimport 'vitest';", null],
  ['apps/api/src/spec/d7.ts', "import '@culvert/testkit';\nimport 'vitest';", null],
  ['apps/api/src/http/d8.spec.ts', "import '../spec/d7.js';", null],
  ['apps/api/src/http/d9.ts', "import '../spec/d7.js';", 'only tests import what is of tests'],
  ['libs/tunnel/src/d10.ts', "import './d3.spec.js';", 'only tests import what is of tests'],
  ['libs/tunnel/bench/d4.ts', "import '@culvert/testkit';", null],
  ['test/d5.ts', "import '@culvert/testkit';\nimport '@culvert/edge';", null],
  ['libs/tunnel/src/d6.spec.ts', "import '@culvert/store';", 'another language'],
  // rooms
  ['libs/relay/src/visitors/r1.ts', "import '../exchange/r2.js';\nimport '../limits.js';", null],
  ['libs/relay/src/exchange/r2.ts', "import '../visitors/r1.js';", 'exchange must not import visitors'],
  [
    'libs/relay/src/exchange/r3.ts',
    "import type { X } from '../relay.js';",
    'exchange must not import relay',
  ],
  ['libs/relay/src/exchange/r4.spec.ts', "import '../visitors/r1.js';", null],
  ['libs/relay/src/attic/r5.ts', "import '../limits.js';", 'has no row'],
  ['apps/api/src/people/r6.ts', "import '../team/r7.js';\nimport '../http/auth/r8.js';", null],
  ['apps/api/src/team/r7.ts', "import '../people/r6.js';", 'team must not import people'],
  ['apps/api/src/http/auth/r8.ts', "import '../../team/r7.js';", 'http must not import team'],
  // the shape of a specifier
  ['libs/relay/src/e1.ts', "import '@culvert/tunnel/src/frame.js';", 'exports through src/index.ts only'],
  ['libs/relay/src/e2.ts', "import '../../tunnel/src/index.js';", 'must stay inside libs/relay'],
  ['libs/tunnel/src/deep/e3.ts', "import '../e1.js';", null],
  ['libs/relay/src/e4.ts', "import '@culvert/relay';", 'by relative path'],
  ['libs/relay/src/e5.ts', "import '/srv/x.js';", 'path of this machine'],
  ['test/infra/e6.ts', "import '../../libs/tunnel/src/index.js';", 'must stay inside test'],
  // every way to import
  ['libs/relay/src/f1.ts', "import type { x } from '@culvert/store';", 'relay is the data plane'],
  ['libs/relay/src/f2.ts', "export * from '@culvert/store';", 'relay is the data plane'],
  ['libs/relay/src/f3.ts', "export type T = import('@culvert/store').X;", 'relay is the data plane'],
  ['libs/relay/src/f4.ts', "export const x = import('@culvert/store');", 'relay is the data plane'],
  ['libs/relay/src/f5.ts', 'export const x = import(`@culvert/store`);', 'relay is the data plane'],
];

describe('the import-direction rule', () => {
  let diagnostics: Diagnostic[];

  beforeAll(async () => {
    const files = Object.fromEntries(CASES.map(([file, statement]) => [file, `${statement}\n`]));
    diagnostics = await lintFiles(files, 'culvert(import-direction)');
  });

  it.each(CASES)('in %s judges %j', (file, statement, complaint) => {
    const found = diagnostics.filter(({ filename }) => filename === file).map(({ message }) => message);
    if (complaint === null) {
      expect(found).toEqual([]);
    } else {
      expect(found).toHaveLength(statement.split('\n').length);
      expect(found[0]).toContain(complaint);
    }
  });
});

// By default the rule ignores cycles of types, and six of them had appeared.
describe('the rule against import cycles', () => {
  it.each([
    [
      'values',
      "import { b } from './b.js';\nexport const a = () => b;",
      "import { a } from './a.js';\nexport const b = a;",
    ],
    [
      'types alone',
      "import type { B } from './b.js';\nexport type A = B | 1;",
      "import type { A } from './a.js';\nexport type B = A | 2;",
    ],
  ])('reports a cycle of %s', async (_what, a, b) => {
    const files = { 'libs/relay/src/a.ts': `${a}\n`, 'libs/relay/src/b.ts': `${b}\n` };
    const found = (await lintFiles(files, 'import(no-cycle)')).map(({ filename }) => filename);
    expect(found.toSorted()).toEqual(Object.keys(files));
  });
});
