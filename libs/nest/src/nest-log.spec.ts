import { createLog } from '@culvert/runtime';
import { describe, expect, it } from 'vitest';
import { NestLog } from './nest-log.js';

function capture(level: 'info' | 'trace' = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, app: 'api', destination: { write: (line) => void lines.push(line) } });
  return { nest: new NestLog(log), lines, entries: () => lines.map((line) => JSON.parse(line)) };
}

describe('the logger of Nest', () => {
  it('keeps the context', () => {
    const { nest, entries } = capture();
    nest.log('started', 'NestFactory');
    expect(entries()).toMatchObject([{ level: 'info', msg: 'started', context: 'NestFactory' }]);
  });

  it('keeps objects as fields and errors with their stack', () => {
    const { nest, entries } = capture();
    nest.warn({ tunnelId: 't1', msg: 'slow' }, 'Edge');
    nest.error(new Error('broken'), 'Edge');
    nest.error('broken', 'Error: broken\n at x', 'Edge');
    expect(entries()).toMatchObject([
      { level: 'warn', tunnelId: 't1', msg: 'slow', context: 'Edge' },
      {
        level: 'error',
        err: { message: 'broken', stack: expect.stringContaining('nest-log.spec') },
        context: 'Edge',
      },
      { level: 'error', msg: 'broken', stack: 'Error: broken\n at x', context: 'Edge' },
    ]);
  });

  it('maps every level of Nest', () => {
    const { nest, entries } = capture('trace');
    nest.fatal('a');
    nest.debug('b');
    nest.verbose('c');
    expect(entries().map(({ level }) => level)).toEqual(['fatal', 'debug', 'trace']);
  });

  it('leaves the lists of modules and routes to the level debug', () => {
    const { nest, lines } = capture('info');
    nest.log('Mapped {/api/v1/me, GET} route', 'RouterExplorer');
    nest.log('Nest application successfully started', 'NestApplication');
    expect(lines).toEqual([expect.stringContaining('successfully started')]);
  });

  it('writes nothing below its level', () => {
    const { nest, lines } = capture('info');
    nest.debug('b');
    expect(lines).toEqual([]);
  });
});
