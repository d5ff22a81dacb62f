/**
 * The import-direction rule: dependencies point from apps to libs and from outer libs to inner ones.
 * Every package has a row below and may import only what its row names, so a new dependency is a decision that
 * someone reads in a diff. A package with rooms has a second table, of its folders. Tests (`*.spec.ts`, `spec/`,
 * `bench/`, `test/`) keep to the same `@culvert` rows, but may also use the testkit and any third-party package. Nothing
 * else imports them.
 */
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const ANY_LIB = [
  'api-client',
  'banner',
  'client',
  'contract',
  'diagnosis',
  'domain',
  'events',
  'exchanges',
  'fleet',
  'flow',
  'http1',
  'http2',
  'intercepts',
  'measure',
  'meeting-point',
  'messages',
  'metrics',
  'nest',
  'outbound',
  'previews',
  'redis',
  'relay',
  'runtime',
  'sealing',
  'sockets',
  'store',
  'telepresence',
  'terms',
  'tunnel',
  'workload-tokens',
];

/**
 * `culvert`: the `@culvert` packages it may import. `external`: the third-party packages it may import, any when
 * absent. `builtins`: the `node:` modules it may import, any when absent. `why` ends the message of a violation.
 */
const PACKAGES = {
  'libs/flow': {
    culvert: [],
    external: [],
    builtins: [],
    why: 'flow is the ground floor of the protocols: it keeps, orders and counts bytes, checks transitions, and knows no frame',
  },
  'libs/measure': {
    culvert: [],
    external: [],
    builtins: [],
    why: 'measure is numbers that the data plane counts in place: it knows neither their names nor who reads them',
  },
  'libs/metrics': {
    culvert: ['measure'],
    external: ['prom-client'],
    builtins: [],
    why: 'metrics names what programs measure, and shows it to Prometheus: the parts that measure do not know it',
  },
  'libs/http1': {
    culvert: [],
    external: [],
    builtins: ['node:assert/strict', 'node:buffer', 'node:crypto'],
    why: 'http1 parses and writes message heads: no I/O and no dependency, so that it can be tested exhaustively',
  },
  'libs/http2': {
    culvert: ['flow'],
    external: [],
    builtins: ['node:assert/strict', 'node:buffer'],
    why: 'http2 is frames, HPACK and flow control: no I/O and no dependency but flow, so that it can be tested exhaustively',
  },
  'libs/intercepts': {
    culvert: [],
    external: ['re2js'],
    builtins: [],
    why: 'intercepts says which request belongs to which intercept: no I/O, so that agent, manager and command agree',
  },
  'libs/sockets': {
    culvert: [],
    external: [],
    builtins: ['node:net', 'node:util'],
    why: 'sockets is where the data plane goes past Node: it knows nothing of what is read and written',
  },
  'libs/tunnel': {
    culvert: ['flow', 'sockets'],
    external: ['ws'],
    why: 'tunnel is the protocol that another language must be able to implement: it knows nothing of Culvert but its own frames',
  },
  'libs/terms': {
    culvert: [],
    external: [],
    builtins: [],
    why: 'terms is the closed sets that domain and contract share: lists of words, and nothing that runs',
  },
  'libs/domain': {
    culvert: ['terms'],
    external: [],
    why: 'domain holds the rules: storage, transport and frameworks depend on it, never the reverse',
  },
  'libs/contract': {
    culvert: ['terms'],
    external: ['zod'],
    builtins: [],
    why: 'contract is shared with the browser: schemas and nothing that runs only on a server',
  },
  'libs/api-client': {
    culvert: ['contract'],
    external: ['zod'],
    builtins: [],
    why: 'api-client is the contract from the side of a program: how requests travel, and what failures mean, is its caller’s',
  },
  'libs/client': {
    culvert: ['api-client', 'contract', 'http1', 'outbound', 'tunnel'],
    external: ['openid-client', 'zod'],
    why: 'client is what a program does to expose targets of its machine: it knows neither a terminal nor a command line',
  },
  'libs/diagnosis': {
    culvert: ['client', 'contract', 'outbound', 'tunnel'],
    external: [],
    why: 'diagnosis checks the way to Culvert as programs go it: it knows neither a terminal nor a cluster',
  },
  'libs/relay': {
    culvert: ['domain', 'flow', 'http1', 'http2', 'measure', 'sockets', 'tunnel'],
    external: [],
    why: 'relay is the data plane: framework-free, built on flow, http1, http2, measure, sockets, tunnel and the rules of domain alone',
  },
  'libs/banner': {
    culvert: ['http1', 'relay'],
    external: [],
    builtins: ['node:crypto', 'node:zlib'],
    why: 'banner is one filter of response bodies: it knows the port of relay that it implements, and relay does not know it',
  },
  'libs/messages': {
    culvert: ['contract', 'http1'],
    external: [],
    builtins: ['node:buffer', 'node:zlib'],
    why: 'messages reads along with bytes that pass: no I/O, so that the edge and programs of workstations share it',
  },
  'libs/telepresence': {
    culvert: ['flow', 'http2', 'tunnel'],
    why: 'telepresence is one more kind of tunnel, over HTTP/2: it offers what tunnel defines and needs nothing else but what both are made of',
  },
  'libs/outbound': {
    culvert: ['sockets', 'tunnel'],
    external: ['http2-wrapper', 'https-proxy-agent', 'proxy-from-env'],
    why: 'outbound is what every process that dials out has in common: a tunnel kept open, and streams joined to sockets',
  },
  'libs/meeting-point': {
    culvert: ['intercepts', 'outbound', 'runtime', 'tunnel'],
    external: ['zod'],
    why: 'meeting-point is what agents and clients say to a traffic manager in their cluster: it knows nothing of Culvert itself',
  },
  'libs/previews': {
    culvert: ['domain'],
    external: [],
    builtins: ['node:crypto'],
    why: 'previews is the rules that API and edge share: it knows the ports of domain, and neither a framework nor who calls',
  },
  'libs/store': {
    culvert: ['domain', 'measure'],
    why: 'store implements the ports of domain and knows nobody else',
  },
  'libs/sealing': {
    culvert: [],
    external: [],
    builtins: ['node:crypto'],
    why: 'sealing encrypts what is stored, for every kind of secret: it knows neither where that is nor what it is',
  },
  'libs/exchanges': {
    culvert: ['contract', 'domain', 'sealing'],
    external: [],
    builtins: ['node:crypto', 'node:http', 'node:zlib'],
    why: 'exchanges is what can be done with a captured exchange: it knows its shape by contract, and neither who captured it nor where it is stored',
  },
  'libs/redis': {
    culvert: [],
    external: ['ioredis'],
    why: 'redis makes connections to Redis: what travels on them is its callers’',
  },
  'libs/events': {
    culvert: ['domain', 'measure', 'redis'],
    why: 'events is the bus between processes: it carries things of domain and knows no other package but its connections',
  },
  'libs/fleet': {
    culvert: ['measure', 'outbound', 'redis', 'relay', 'sockets', 'tunnel'],
    external: ['ioredis'],
    why: 'fleet makes the tunnels of other edges usable: it implements a port of relay over links that speak the tunnel protocol, and relay does not know it',
  },
  'libs/nest': {
    culvert: ['contract', 'domain', 'events', 'measure', 'metrics', 'runtime'],
    why: 'nest gives modules of Nest to the server apps: the data plane stays out of it',
  },
  'libs/runtime': {
    culvert: ['domain', 'redis', 'sealing'],
    external: ['pino', 'zod'],
    why: 'runtime is what every program needs to start and stop: settings, log, signals, health, certificates. It knows neither a framework nor what the program does',
  },
  'libs/workload-tokens': {
    culvert: ['outbound'],
    external: ['jose', 'zod'],
    builtins: [],
    why: 'workload-tokens verifies tokens of other issuers: what a token may do is not its business',
  },
  'libs/testkit': { culvert: ANY_LIB, why: 'testkit builds on libs: what needs an app is a test in test/' },
  'apps/admin': {
    culvert: ['runtime', 'store'],
    external: ['commander', 'modern-tar', 'zod'],
    why: 'admin maintains the database: it knows where it is and its schema, and nothing of what it holds',
  },
  'apps/api': { culvert: ANY_LIB, why: 'no app imports an app: what two of them need is a lib' },
  'apps/cli': { culvert: ANY_LIB, why: 'no app imports an app: what two of them need is a lib' },
  'apps/dashboard': {
    culvert: ['contract'],
    builtins: [],
    why: 'the dashboard runs in a browser and knows the server by contract',
  },
  'apps/edge': { culvert: ANY_LIB, why: 'no app imports an app: what two of them need is a lib' },
  'apps/sample-service': {
    culvert: [],
    why: 'the sample service is what a user would write: it knows nothing of Culvert',
  },
  'apps/standalone': {
    culvert: [...ANY_LIB, 'api', 'edge', 'sample-service', 'traffic-manager'],
    why: 'standalone alone composes other apps',
  },
  'apps/traffic-agent': { culvert: ANY_LIB, why: 'no app imports an app: what two of them need is a lib' },
  'apps/traffic-manager': { culvert: ANY_LIB, why: 'no app imports an app: what two of them need is a lib' },
  test: {
    culvert: [
      ...ANY_LIB,
      'admin',
      'api',
      'cli',
      'edge',
      'sample-service',
      'standalone',
      'testkit',
      'traffic-agent',
      'traffic-manager',
    ],
    why: 'whole-system tests use what packages export',
  },
};

/**
 * Rooms of a package: the folders of its `src`, and the files beside them by their names, each with the rooms that it may
 * import. `index`, which exports, may import all of them, and so may tests.
 */
const ROOMS = {
  'apps/api': {
    main: ['api-app', 'people'],
    'api-app': ['api', 'http'],
    api: ['people', 'previews', 'managers', 'team', 'http'],
    people: ['team', 'http', 'announcements', 'outgoing'],
    previews: ['managers', 'team', 'http', 'announcements', 'outgoing'],
    managers: ['team', 'http', 'announcements'],
    team: ['http', 'announcements'],
    http: ['announcements'],
    announcements: [],
    outgoing: [],
  },
  'libs/http2': {
    server: ['connection', 'frames', 'hpack'],
    client: ['connection', 'frames', 'hpack'],
    connection: ['frames', 'hpack'],
    hpack: ['frames'],
    frames: [],
  },
  'libs/relay': {
    relay: ['visitors', 'exchange', 'routing', 'upstream', 'answers', 'clock', 'limits', 'measures'],
    visitors: ['exchange', 'routing', 'answers', 'clock', 'limits', 'request-id'],
    exchange: ['routing', 'upstream', 'answers', 'clock', 'limits', 'measures'],
    routing: ['upstream', 'answers', 'clock', 'limits', 'request-id'],
    upstream: ['clock', 'limits', 'request-id'],
    answers: ['limits'],
    clock: [],
    limits: [],
    measures: [],
    'request-id': [],
  },
};

const NEST_OWNERS = /^(apps\/(api|edge|standalone)|libs\/nest|test)$/;
const NEST_WHY =
  'only the server apps, and libs/nest for them, use Nest: everything else runs without a framework';

/** Files of apps/api that handle requests and responses. */
const KNOWS_EXPRESS = /\.(controller|guard|filter|strategy|middleware)\.ts$/;
const EXPRESS_WHY =
  'controllers, guards, filters, strategies and middleware know Express; services take plain values, such as RequestFacts';

/** Returns why `file` (relative to the root, `/` separated) must not import `specifier`; null when it may. */
export function judgeImport(file, specifier) {
  const owner = packageOf(file);
  if (owner === null) return null;
  const row = PACKAGES[owner];
  if (!row) return `${owner} has no row in infra/lint/import-direction.mjs: say there what it may import`;

  const isTest = isOfTests(file);
  if (specifier.startsWith('.')) {
    const target = resolve('/', dirname(file), specifier).slice(1);
    // Scripts are not packages; their tests are in test/infra, and in test/kubernetes where they need a cluster.
    if (/^test\/(infra|kubernetes)\//.test(file) && target.startsWith('infra/')) return null;
    if (relative(owner, target).startsWith('..'))
      return `a relative import must stay inside ${owner}: use what @culvert packages export`;
    if (isTest) return null;
    if (isOfTests(target)) return 'only tests import what is of tests: nothing of it may be shipped';
    return judgeRooms(owner, roomOf(owner, file), roomOf(owner, target));
  }
  if (specifier.startsWith('/') || specifier.startsWith('file:'))
    return 'an import must not name a path of this machine';

  const [scope, name] = specifier.split('/');
  if (scope === '@culvert') {
    if (specifier.split('/').length > 2)
      return `import @culvert/${name} itself: a package exports through src/index.ts only`;
    if (name === owner.split('/')[1]) return 'import files of the same package by relative path';
    if (name === 'testkit') {
      return isTest || owner === 'libs/testkit'
        ? null
        : 'only tests import the testkit: nothing of it may be shipped';
    }
    return row.culvert.includes(name) ? null : `${owner} must not import @culvert/${name}: ${row.why}`;
  }
  // Build scripts are not part of their package.
  if (isTest || /^apps\/[^/]+\/[^/]+\.config\.ts$/.test(file)) return null;
  if (specifier.startsWith('node:')) {
    return !row.builtins || row.builtins.includes(specifier)
      ? null
      : `${owner} must not import ${specifier}: ${row.why}`;
  }
  const external = scope.startsWith('@') ? `${scope}/${name}` : scope;
  if (external === 'express' && owner === 'apps/api' && !KNOWS_EXPRESS.test(file))
    return `${file} must not import express: ${EXPRESS_WHY}`;
  if (row.external && !row.external.includes(external))
    return `${owner} must not import ${external}: ${row.why}`;
  if (scope === '@nestjs' && !NEST_OWNERS.test(owner))
    return `${owner} must not import ${external}: ${NEST_WHY}`;
  return null;
}

function judgeRooms(owner, from, to) {
  const rooms = ROOMS[owner];
  if (!rooms || from === to || from === 'index') return null;
  const row = rooms[from];
  if (!row)
    return `${owner}/src/${from} has no row in infra/lint/import-direction.mjs: say there what it may import`;
  return row.includes(to)
    ? null
    : `${from} must not import ${to}: rooms of ${owner} import those that are further in, and state what they need of others as an interface`;
}

/** Returns the folder of `src` that a file is in, or the file's name when it is in no folder. */
function roomOf(owner, file) {
  return relative(`${owner}/src`, file).split('/')[0].split('.')[0];
}

/** Reports whether a file (relative to the root, `/` separated) belongs to tests, and so is never shipped. */
export function isOfTests(file) {
  return /^test\/|\.spec\.[jt]sx?$|^(libs|apps)\/[^/]+\/(src\/spec|bench)\//.test(file);
}

function packageOf(file) {
  const [top, name] = file.split('/');
  if (top === 'test') return 'test';
  return (top === 'libs' || top === 'apps') && file.split('/').length > 2 ? `${top}/${name}` : null;
}

function literalOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.quasis.length === 1) return node.quasis[0].value.cooked;
  return null;
}

/** `culvert/import-direction`. */
export const importDirection = {
  meta: {
    type: 'problem',
    docs: { description: 'Packages import only what infra/lint/import-direction.mjs lets them' },
  },
  create(context) {
    const file = relative(root, context.filename).replaceAll('\\', '/');
    const check = ({ source }) => {
      const specifier = literalOf(source);
      const message = specifier === null ? null : judgeImport(file, specifier);
      if (message !== null) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};
