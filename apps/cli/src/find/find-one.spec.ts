import { describe, expect, it } from 'vitest';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { findOne } from './find-one.js';

const NAMING = {
  nouns: ['member', 'members'],
  idOf: ({ id }: { id: string }) => id,
  namesOf: ({ name }: { name: string }) => [name],
  hint: 'Look again.',
} as const;
const ann = { id: '01a22b8d-1111-7000-8000-000000000001', name: 'ann' };
const bob = { id: '01a22b8d-2222-7000-8000-000000000002', name: 'bob' };
const otherBob = { id: '01b00000-2222-7000-8000-000000000003', name: 'bob' };
const all = [ann, bob, otherBob];

const failure = (reference: string): CliError => {
  try {
    findOne(all, reference, NAMING);
  } catch (error) {
    return error as CliError;
  }
  throw new Error('it found something');
};

describe(findOne.name, () => {
  it.each([
    [ann.id, ann],
    ['01A22B8D-2222', bob],
    ['01b00000', otherBob],
    ['ann', ann],
  ])('finds %s by id, by the beginning of the id, or by name', (reference, found) => {
    expect(findOne(all, reference, NAMING)).toBe(found);
  });

  it('reports what does not exist, and what is not clear, with a next step', () => {
    expect(failure('jo')).toMatchObject({
      exitCode: EXIT.notFound,
      message: 'your team has no member jo',
      hint: 'Look again.',
    });
    expect(failure('bob')).toMatchObject({
      exitCode: EXIT.usage,
      message: 'your team has 2 members that match bob',
    });
    expect(failure('01a22b8d')).toMatchObject({ exitCode: EXIT.usage });
    expect(failure('01a2')).toBeInstanceOf(CliError);
  });
});
