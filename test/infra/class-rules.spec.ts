import { describe, expect, it } from 'vitest';
import { lintFiles } from './lint.js';

describe('the class-length rule', () => {
  it('reports a class of 351 lines, and none of 350', async () => {
    const classOf = (lines: number) => `export class A {\n${'  // A line.\n'.repeat(lines - 2)}}\n`;
    const found = await lintFiles(
      { 'libs/relay/src/short.ts': classOf(350), 'libs/relay/src/long.ts': classOf(351) },
      'culvert(class-length)',
    );
    expect(found.map(({ filename }) => filename)).toEqual(['libs/relay/src/long.ts']);
  });
});

describe('the rules of long files and functions', () => {
  const lines = (count: number) => '// A line.\n'.repeat(count);

  it('report a file of more than 450 lines, but not a spec', async () => {
    const found = await lintFiles(
      { 'libs/relay/src/long.ts': lines(451), 'libs/relay/src/long.spec.ts': lines(451) },
      'eslint(max-lines)',
    );
    expect(found.map(({ filename }) => filename)).toEqual(['libs/relay/src/long.ts']);
  });

  it('report a function of more than 60 lines in the backend, but not in the dashboard', async () => {
    const text = `export function a(): void {\n${lines(59)}}\n`;
    const found = await lintFiles(
      { 'libs/relay/src/a.ts': text, 'apps/dashboard/src/a.tsx': text },
      'eslint(max-lines-per-function)',
    );
    expect(found.map(({ filename }) => filename)).toEqual(['libs/relay/src/a.ts']);
  });
});

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
