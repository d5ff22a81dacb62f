import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from './log/log.js';
import { ConfigurationError } from './settings/configuration-error.js';
import { exitOnConfigurationError, failToStart, listenError, StartError } from './start-error.js';

let said: string;

beforeEach(() => {
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
});
afterEach(() => void vi.restoreAllMocks());

describe('failToStart', () => {
  it.each([
    ['a setting that is wrong', new ConfigurationError('CULVERT_URL is not set')],
    ['several settings', new ConfigurationError([{ variable: 'CULVERT_URL', expected: 'an address' }])],
    ['a port that is taken', new StartError('CULVERT_URL: 80 is in use')],
  ])('prints %s without a stack, and exits with 1', (_name, error) => {
    expect(() => failToStart(error, { program: 'traffic-agent' })).toThrow('exit 1');
    expect(said).toBe(`traffic-agent: ${error.message}\n`);
  });

  it("exits with the program's own code for wrong settings", () => {
    const options = { configurationCode: 2 };
    expect(() => failToStart(new ConfigurationError('no'), options)).toThrow('exit 2');
    expect(() => failToStart(new Error('no'), options)).toThrow('exit 1');
  });

  // Programs that hold a cluster secret and an API key printed the stack of any error unredacted.
  it('redacts an unexpected error', () => {
    const error = new Error('cannot use cvt_0123456789abcdef0123456789abcdef at redis://:hunter2@redis');
    expect(() => failToStart(error, { program: 'traffic-manager' })).toThrow('exit 1');
    expect(said).toMatch(
      /^traffic-manager: Error: cannot use cvt_\[redacted\] at redis:\/\/:\[redacted\]@redis\n {4}at /,
    );
  });

  it('logs an unexpected error if there is a log', () => {
    const lines: string[] = [];
    const log = createLog({
      level: 'info',
      app: 'api',
      destination: { write: (line) => void lines.push(line) },
    });
    expect(() => failToStart(new Error('broken'), { log })).toThrow('exit 1');
    expect(said).toBe('');
    expect(JSON.parse(lines.join(''))).toMatchObject({ level: 'fatal', err: { message: 'broken' } });
  });

  it('survives a value that is not an error', () => {
    expect(() => failToStart(null)).toThrow('exit 1');
    expect(said).toBe('culvert: null\n');
  });
});

describe('exitOnConfigurationError', () => {
  it('names every wrong setting on stderr and exits with 1', () => {
    const load = () => {
      throw new ConfigurationError([
        { variable: 'DATABASE_URL', expected: 'set' },
        { variable: 'PORT', expected: 'a port', got: 'redis://:hunter2@redis' },
      ]);
    };
    expect(() => exitOnConfigurationError(load)).toThrow('exit 1');
    expect(said).toMatch(
      /DATABASE_URL must be set\n.*PORT must be a port; it is "redis:\/\/:\[redacted\]@redis"/,
    );
  });

  it('passes on results and other errors', () => {
    expect(exitOnConfigurationError(() => 1)).toBe(1);
    const broken = () => {
      throw new TypeError('a fault, not a configuration');
    };
    expect(() => exitOnConfigurationError(broken)).toThrow(TypeError);
  });
});

describe('listenError', () => {
  it('names the setting of a port that is in use, and leaves other errors alone', () => {
    const taken = Object.assign(new Error('listen'), { code: 'EADDRINUSE' });
    expect(listenError(taken, 'PORT', 80)).toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('PORT: 80 is in use'),
      cause: taken,
    });
    const other = new Error('other');
    expect(listenError(other, 'PORT', 80)).toBe(other);
  });
});
