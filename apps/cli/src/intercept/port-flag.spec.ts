import { describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { readPortFlag } from './port-flag.js';

describe('--port of an intercept', () => {
  it.each([
    ['8080', 8080, ''],
    ['8080:80', 8080, '80'],
    ['65535:http', 65_535, 'http'],
    ['1:web-ui', 1, 'web-ui'],
  ])('may be %s', (text, local, remote) => expect(readPortFlag(text)).toEqual({ local, remote }));

  it.each(['', '0', '65536', 'http', ':80', '8080:', '8080:80:x', '8080:-x', '8080: 80', '8080:\u001b'])(
    'refuses %j',
    (text) => expect(() => readPortFlag(text)).toThrow(expect.objectContaining({ exitCode: EXIT.usage })),
  );
});
