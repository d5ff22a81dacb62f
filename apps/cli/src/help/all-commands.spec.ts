import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../command.js';
import { runCommand, TestStream } from '../spec/test-terminal.js';
import { helpOf, HELP_WIDTH } from './command-help.js';

const streams = { stdout: new TestStream(), stderr: new TestStream() };
const program = createProgram(() => async () => {}, streams);

/** Every command that people see, as the words after `culvert`. */
function wordsOf(command: Command, before: readonly string[] = []): string[][] {
  const own = command.commands.filter((sub) => !sub.name().startsWith('__') && sub.name() !== 'help');
  return own.flatMap((sub) => {
    const words = [...before, sub.name()];
    return [words, ...wordsOf(sub, words)];
  });
}

function commandAt(words: readonly string[]): Command {
  return words.reduce<Command>(
    (command, word) => command.commands.find((sub) => sub.name() === word) ?? command,
    program,
  );
}

const all = [[], ...wordsOf(program)];

describe('the help of every command', () => {
  it.each(all.map((words) => ({ words, name: ['culvert', ...words].join(' ') })))(
    'fits 80 columns and has an example: $name',
    async ({ words }) => {
      const { exitCode, stdout } = await runCommand([...words, '--help']);
      expect(exitCode).toBe(0);
      expect(stdout.split('\n').filter((line) => line.length > HELP_WIDTH)).toEqual([]);
      expect(stdout).toContain('\nExamples:\n  $ ');
    },
  );

  it.each(all.map((words) => ({ words, name: ['culvert', ...words].join(' ') })))(
    'has examples that begin with a command that exists: $name',
    ({ words }) => {
      const examples = helpOf(commandAt(words))?.examples ?? [];
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) {
        expect(example).toMatch(/^(source <\()?culvert /);
        const [, ...rest] = /culvert .*/.exec(example)?.[0].split(/\s+/) ?? [];
        const named = words.every((word, i) =>
          [commandAt(words.slice(0, i + 1)).name(), word].includes(rest[i]),
        );
        expect([example, named]).toEqual([example, true]);
      }
    },
  );
});
