import { describe, expect, it } from 'vitest';
import { parseFile } from './file/parse-file.js';
import type { Endpoint } from './file/read-file.js';
import { diffEndpoints } from './file-diff.js';

function endpointsOf(text: string): Endpoint[] {
  const { content } = parseFile(`endpoints:\n${text}`, 'culvert.yaml', {});
  return Object.entries(content.endpoints).map(([name, each]) => ({
    name,
    target: each.target ?? null,
    paths: [],
    commands: [],
    content: each,
  }));
}

const namesOf = (before: string, after: string) => {
  const { added, removed, changed } = diffEndpoints(endpointsOf(before), endpointsOf(after));
  return [
    added.map(({ name }) => name),
    removed.map(({ name }) => name),
    changed.map(({ after: { name } }) => name),
  ];
};

describe('diffEndpoints', () => {
  it('finds what was added, removed and changed', () => {
    expect(
      namesOf(
        ' a: { target: 1 }\n b: { target: 2 }\n c: { target: 3 }\n',
        ' c: { target: 4 }\n d: { target: 5 }\n a: { target: 1 }\n',
      ),
    ).toEqual([['d'], ['b'], ['c']]);
  });

  it('finds nothing when only order, comments and spelling differ', () => {
    expect(
      namesOf(
        ' a: { target: 1 }\n b: { target: 2, access: team }\n',
        ' # note\n b: { target: "2" }\n a: { access: team, target: localhost:1 }\n',
      ),
    ).toEqual([[], [], []]);
  });
});
