import { describe, expect, it } from 'vitest';
import { createProgram } from './command.js';
import { flagOfField, FLAGS } from './flag-of-field.js';
import { TestStream } from './spec/test-terminal.js';

describe(flagOfField.name, () => {
  it.each([
    ['/expiresAt', '--expires'],
    ['/allowedEmails/0', '--allow-email'],
    ['/idleExpirySeconds', '--idle-expires'],
    ['/ingress/l5Host', '--ingress-l5host'],
    ['/addRequestHeaders/x~1y', '--add-request-header x/y'],
    ['/intercept/mechanismArgs/1', 'intercept.mechanismArgs.1'],
    ['', ''],
  ])('spells %j as %j', (pointer, flag) => {
    expect(flagOfField(pointer)).toBe(flag);
  });

  it('names flags that a command has', () => {
    const program = createProgram(() => async () => {}, {
      stdout: new TestStream(),
      stderr: new TestStream(),
    });
    const flags = new Set<string>();
    const collect = (command: typeof program): void => {
      for (const { long } of command.options) if (long) flags.add(long);
      command.commands.forEach(collect);
    };
    collect(program);
    expect(Object.values(FLAGS).filter((flag) => !flags.has(flag))).toEqual([]);
  });
});
