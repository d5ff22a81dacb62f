import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FileError, parseFile } from './parse-file.js';
import { fileSchema } from './schema.js';
import { SMALLEST_FILE } from './smallest-file.js';

const NAME = 'culvert.yaml';

/** Parses a file that is wrong. Returns its problems as `line:column message`. */
function problemsOf(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    parseFile(text, NAME, env);
  } catch (error) {
    if (error instanceof FileError)
      return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    throw error;
  }
  return [];
}

describe('parseFile', () => {
  it('reads the file that its hint shows, and shows it when a file is wrong', () => {
    expect(Object.keys(parseFile(SMALLEST_FILE, NAME, {}).content.endpoints)).toEqual(['web']);
    expect(() => parseFile('endpoints: 3', NAME, {})).toThrow(
      expect.objectContaining({ hint: expect.stringContaining(SMALLEST_FILE) as string }) as Error,
    );
  });

  it('reads endpoints with the defaults of what they leave out', () => {
    const { content } = parseFile('endpoints:\n  web:\n    target: 3000\n', NAME, {});
    expect(content.endpoints['web']).toEqual({
      target: { host: 'localhost', port: 3000, isTls: false },
      access: 'team',
      allowEmails: [],
      allowDomains: [],
      addRequestHeaders: {},
      expires: 'never',
      banner: true,
      pullRequest: null,
      protocol: 'http1',
      allowUpgrades: false,
      insecureTarget: false,
    });
  });

  it('reads JSON, also with tabs', () => {
    const { content } = parseFile(
      '{\n\t"endpoints": {\n\t\t"web": {"target": "host.test:80"}\n\t}\n}',
      NAME,
      {},
    );
    expect(content.endpoints['web']?.target).toEqual({ host: 'host.test', port: 80, isTls: false });
  });

  it('reads a target of a path with and without options', () => {
    const text =
      'endpoints:\n  web:\n    paths:\n      /: 3000\n      /api: { target: 4000, stripPrefix: true }\n';
    expect(parseFile(text, NAME, {}).content.endpoints['web']?.paths).toMatchObject({
      '/': { target: { port: 3000 }, stripPrefix: false },
      '/api': { target: { port: 4000 }, stripPrefix: true },
    });
  });

  it.each([[undefined], [true], [false], [4041]])('reads whether there is an inspector: %s', (inspector) => {
    const line = inspector === undefined ? '' : `inspector: ${inspector}\n`;
    expect(parseFile(`${line}endpoints: { a: { target: 1 } }\n`, NAME, {}).content.inspector).toBe(inspector);
  });

  it.each([
    ['endpoints: [\n', '2:1', /\]/],
    ['endpoints:\n  web: { target: 1 }\n  web: { target: 2 }\n', '3:3', /unique/],
    ['', '1:1', /^the file is empty/],
    ['inspector: 0\nendpoints: { a: { target: 1 } }\n', '1:12', /inspector: must be/],
    ['endpoints: {}\n', '1:1', /endpoints: must have at least one endpoint/],
    ['endpoints:\n  web: {}\n', '2:3', /endpoints.web: must have either a target or paths/],
    ['endpoints:\n  web:\n    target: 99999\n', '3:13', /from 1 to 65535/],
    ['endpoints:\n  web:\n    target: 3000\n    acces: team\n', '4:5', /endpoints.web.acces: is not a field/],
    ['endpoints:\n  web:\n    target: 3000\n    access: all\n', '4:13', /must be team or public/],
    ['endpoints:\n  web:\n    target: 3000\n    expires: soon\n', '4:14', /12h/],
    ['endpoints:\n  web:\n    target: 3000\n    allowEmails: [nobody]\n', '4:19', /email address/],
    ['endpoints:\n  web:\n    target: 3000\n    protocol: h2\n', '4:15', /needs an https target/],
    ['endpoints:\n  web:\n    target: 3000\n    insecureTarget: true\n', '4:21', /needs an https target/],
    ['endpoints:\n  web:\n    target: 3000\n    addRequestHeaders: { host: a }\n', '4:32', /cannot set/],
    ['endpoints:\n  web:\n    paths: { api: 3000 }\n', '3:14', /begins with a slash/],
    ['endpoints:\n  web:\n    paths:\n      /a: { target: 1, strip: true }\n', '4:24', /is not a field/],
    ['endpoints:\n  web-:\n    target: 3000\n', '2:3', /valid name/],
    ['endpoints:\n  a: { target: 1 }\n  b: { target: 1 }\n', '3:16', /is the target of a too/],
    ['endpoints:\n  a: { target: "${PORT}" }\n', '2:16', /PORT is not set/],
    ['endpoints:\n  a: { target: "${PORT:?run make}" }\n', '2:16', /PORT is not set: run make/],
  ])('names line and column of what is wrong with %j', (text, position, message) => {
    const [first = ''] = problemsOf(text);
    expect([first.split(' ')[0], first.slice(first.indexOf(' ') + 1)]).toEqual([
      position,
      expect.stringMatching(message),
    ]);
  });

  it('reports all mistakes of a file at once', () => {
    expect(problemsOf('endpoints:\n  a: { target: 0 }\n  b: { target: 1, x: 2 }\n')).toHaveLength(2);
  });

  it('reports them in the order of the file', () => {
    const text = 'endpoints:\n  a: { target: 1, acess: team }\n  b: 3\nname: [1]\nurls: x\n';
    expect(problemsOf(text)).toEqual([
      '2:19 endpoints.a.acess: is not a field (did you mean access?)',
      '3:6 endpoints.b: must be a list of fields, not a number',
      '4:1 name: must be text, not a list',
      '5:1 urls: is not a field (did you mean url?)',
    ]);
  });

  it.each([
    ['endpoint:\n  a: { target: 1 }\n', ['1:1 endpoint: is not a field (did you mean endpoints?)']],
    [
      'endpoints: { a: { paths: { /: { taget: 1, target: 2 } } } }',
      ['1:33 endpoints.a.paths./.taget: is not a field (did you mean target?)'],
    ],
  ])('suggests the field that was meant in %j', (text, problems) => {
    expect(problemsOf(text)).toEqual(expect.arrayContaining(problems));
  });

  it('replaces variables in values, with numbers and booleans, and not in names', () => {
    const text =
      'endpoints:\n  a:\n    target: ${PORT:-3000}\n    banner: ${BANNER}\n    env: { A: "$$HOME ${B}" }\n';
    const { content } = parseFile(text, NAME, { BANNER: 'false', B: 'x: [' });
    expect(content.endpoints['a']).toMatchObject({
      target: { port: 3000 },
      banner: false,
      env: { A: '$HOME x: [' },
    });
  });

  // The fault: an alias is not a scalar, so a file that others may read could hold secrets behind anchors.
  it.each([
    ['endpoints: { a: { target: 1, env: { K: &k abcdefgh } } }\napiKey: *k', 'apiKey'],
    [
      'endpoints: { a: { target: 1, env: { K: &t abc }, addRequestHeaders: { authorization: *t } } }',
      'addRequestHeaders.authorization',
    ],
    [
      'endpoints: { a: { target: 1, env: &h { authorization: abc }, addRequestHeaders: *h } }',
      'addRequestHeaders.authorization',
    ],
    [
      'endpoints: { a: { target: 1, env: &h { authorization: abc }, addRequestHeaders: { <<: *h } } }',
      'addRequestHeaders.authorization',
    ],
    [
      'endpoints: { a: { target: 1, env: &h { authorization: abc }, addRequestHeaders: { <<: [*h] } } }',
      'addRequestHeaders.authorization',
    ],
    [
      'endpoints: { a: { target: 1, env: { K: &n x-api-key }, addRequestHeaders: { *n : abc } } }',
      'addRequestHeaders.x-api-key',
    ],
  ])('finds a secret behind an anchor: %#', (text, field) => {
    const { secrets } = parseFile(text, NAME, {});
    expect(secrets.map(({ message }) => message)).toEqual([field]);
    const fromEnvironment = text.replace(/abc\w*/, '"${SECRET}"');
    expect(parseFile(fromEnvironment, NAME, { SECRET: 'abcdefgh' }).secrets).toEqual([]);
  });

  it('finds secrets that stand in the file, and not those of the environment', () => {
    const text = [
      'apiKey: ${KEY}',
      'endpoints:',
      '  a:',
      '    target: 1',
      '    addRequestHeaders:',
      '      authorization: Bearer ${TOKEN}',
      '      x-api-key: abc',
      '      x-my-token: ${TOKEN:-abc}',
      '      x-dev: alice',
    ].join('\n');
    const { secrets } = parseFile(text, NAME, { KEY: 'a', TOKEN: 'b' });
    expect(secrets.map(({ line, message }) => [line, message])).toEqual([
      [7, 'addRequestHeaders.x-api-key'],
      [8, 'addRequestHeaders.x-my-token'],
    ]);
    expect(parseFile('apiKey: abcdefgh\nendpoints: { a: { target: 1 } }', NAME, {}).secrets).toMatchObject([
      { line: 1, column: 9 },
    ]);
  });
});

describe('the JSON Schema of the file', () => {
  it('is the one in the package ("node infra/scripts/cli-docs.mjs" writes it anew)', () => {
    const stored = readFileSync(new URL('../../../culvert.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(stored)).toEqual(JSON.parse(JSON.stringify(fileSchema())));
  });

  it('has each field of an endpoint with its meaning', () => {
    const { properties } = fileSchema() as unknown as {
      properties: {
        endpoints: { additionalProperties: { properties: Record<string, { description?: string }> } };
      };
    };
    const fields = Object.entries(properties.endpoints.additionalProperties.properties);
    expect(fields.length).toBeGreaterThan(15);
    expect(fields.filter(([, { description }]) => !description).map(([name]) => name)).toEqual([]);
  });
});
