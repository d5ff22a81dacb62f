import { describe, expect, it } from 'vitest';
import { ClientError } from '../client-error.js';
import { parseTarget, showTarget } from './target.js';

describe('the target to expose', () => {
  it.each<[string, string, number, boolean]>([
    ['3000', 'localhost', 3000, false],
    ['127.0.0.1:8080', '127.0.0.1', 8080, false],
    ['LocalHost:80', 'localhost', 80, false],
    ['my_box:5000', 'my_box', 5000, false],
    ['[::1]:3000', '::1', 3000, false],
    ['http://localhost:3000', 'localhost', 3000, false],
    ['http://localhost', 'localhost', 80, false],
    ['https://localhost', 'localhost', 443, true],
    ['https://app.test:8443/', 'app.test', 8443, true],
    ['https://[fe80::1]:9', 'fe80::1', 9, true],
  ])('reads %s', (text, host, port, isTls) => {
    expect(parseTarget(text)).toEqual({ host, port, isTls });
  });

  it.each([
    '',
    '0',
    '65536',
    '99999999999999999999',
    'localhost',
    ':3000',
    'localhost:',
    'localhost:http',
    'localhost:0',
    'localhost:70000',
    'ftp://localhost:21',
    'tcp://localhost:3000',
    'http://user:secret@localhost:3000',
    'http://localhost:3000/app',
    'http://localhost:3000/?a',
    'http://localhost:3000/#a',
    'http://',
    'a b:3000',
    'refuses %j',
    '\u001b[2J:3000',
    '-x:3000',
  ])('is not %j', (text) => {
    expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => parseTarget(text)).toThrow(ClientError);
  });

  it('is shown in its usual spelling', () => {
    expect(showTarget({ host: 'localhost', port: 3000 })).toBe('localhost:3000');
    expect(showTarget({ host: '::1', port: 3000 })).toBe('[::1]:3000');
  });
});
