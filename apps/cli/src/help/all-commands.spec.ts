import { OPERATIONS } from '@culvert/contract';
import type { Command } from 'commander';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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

/** Operations that `culvert` does not call, and why. */
const NOT_CALLED: Readonly<Record<string, string>> = {
  signIn: 'sets a cookie for browsers; `login` signs in with OAuth',
  signOut: 'ends the session of a browser; `logout` ends the sign-in of this machine',
  changePassword: 'needs a person in a browser, not a program that acts for them',
  getSignInMethods: 'needs a person in a browser',
  listUserSessions: 'needs a person in a browser',
  endUserSession: 'needs a person in a browser',
  endOtherUserSessions: 'needs a person in a browser',
  listPrograms: 'needs a person in a browser',
  endProgram: 'needs a person in a browser',
  createTeam: 'needs a person in a browser; a program acts in one team',
  leaveTeam: 'needs a person in a browser',
  getKeptExchange: '`inspect --kept` gets bodies and messages with the list',
  deleteKeptExchange: 'the dashboard deletes one request; `preview update --no-keep` deletes all of them',
  deleteKeptExchanges: '`preview update --no-keep` deletes them',
  acceptInvitation: 'needs a person in a browser, who signs in with the invited address',
};

describe('the operations of the API', () => {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && path !== 'api.ts')
    .map((path) => readFileSync(`${folder}${path}`, 'utf8'))
    .join('\n');

  it('are all called by a command, or named here with the reason', () => {
    const missing = OPERATIONS.map(({ id }) => id).filter(
      (id) => !sources.includes(`'${id}'`) && NOT_CALLED[id] === undefined,
    );
    expect(missing).toEqual([]);
  });

  it('are named here only if no command calls them and they exist', () => {
    const ids = new Set<string>(OPERATIONS.map(({ id }) => id));
    expect(Object.keys(NOT_CALLED).filter((id) => !ids.has(id) || sources.includes(`'${id}'`))).toEqual([]);
  });

  it('that need a person in a browser are those that the API refuses to programs', () => {
    const forPeople = OPERATIONS.filter(({ access }) => access === 'user').map(({ id }) => id as string);
    const named = Object.keys(NOT_CALLED).filter((id) => id !== 'signIn' && !id.includes('KeptExchange'));
    expect(named.toSorted()).toEqual(forPeople.toSorted());
  });
});
