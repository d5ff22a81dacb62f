import { expect, it } from 'vitest';
import { Scope } from './scope.js';

it('a scope stops its parts in reverse order, each once, even if one cannot be stopped', async () => {
  const scope = new Scope();
  const stopped: string[] = [];
  const part = (name: string) => ({ stop: async () => void stopped.push(name) });
  scope.keep(part('first'));
  scope.keep({ stop: () => Promise.reject(new Error('stuck')) });
  scope.keep(part('last'));
  await expect(scope.close()).rejects.toThrow(AggregateError);
  expect(stopped).toEqual(['last', 'first']);
  await scope.close();
  expect(stopped).toHaveLength(2);
});
