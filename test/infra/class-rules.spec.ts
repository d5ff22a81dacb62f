import { describe, expect, it } from 'vitest';
import { lintFiles } from './lint.js';

describe('the private-members rule', () => {
  it('reports every kind of member that is named #x', async () => {
    const found = await lintFiles(
      {
        'libs/relay/src/a.ts':
          'export class A {\n  #field = 1;\n  static #shared = 2;\n  #method() {}\n  get #getter() { return 3; }\n}\n',
      },
      'culvert(private-members)',
    );
    expect(found.map(({ message }) => /private (\w+)/.exec(message)?.[1])).toEqual([
      'field',
      'shared',
      'method',
      'getter',
    ]);
  });

  it('accepts `private x`, and #x for a listed secret only', async () => {
    const found = await lintFiles(
      {
        'libs/relay/src/b.ts': 'export class B {\n  private field = 1;\n}\n',
        'libs/events/src/redis-event-bus.ts':
          'export class C {\n  readonly #redisUrl = 1;\n  readonly #other = 2;\n}\n',
      },
      'culvert(private-members)',
    );
    expect(found.map(({ message }) => /private (\w+)/.exec(message)?.[1])).toEqual(['other']);
  });
});
