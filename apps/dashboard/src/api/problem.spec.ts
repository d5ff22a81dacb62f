import { describe, expect, it } from 'vitest';
import { ApiProblem, describeError } from './problem.js';

const answer = (status: number): Response =>
  new Response(null, { status, headers: { 'x-request-id': 'r-1' } });

describe(describeError.name, () => {
  it('lists the invalid fields by name', () => {
    const problem = ApiProblem.from(answer(400), {
      code: 'validation_failed',
      title: 'The request is not valid',
      errors: [
        { pointer: '/ingress/port', message: 'must be at most 65535' },
        { pointer: '', message: 'must change at least one field' },
        'noise',
      ],
    });
    expect(describeError(problem)).toEqual({
      title: 'The request is not valid',
      detail: 'ingress port must be at most 65535. It must change at least one field.',
    });
    expect(problem.isPassing).toBe(false);
  });

  it('names the request if the fault is in the server', () => {
    const problem = ApiProblem.from(answer(500), { code: 'internal_error', title: 'Something failed' });
    expect(describeError(problem)).toEqual({ title: 'Something failed', detail: 'Request r-1.' });
    expect(problem.isPassing).toBe(true);
  });

  it.each(['no connection', 'No connection.'])('ends the detail %j with one period', (detail) => {
    const problem = ApiProblem.from(answer(409), { code: 'conflict', title: 'Not sent', detail });
    expect(describeError(problem).detail).toBe('No connection.');
  });

  it.each([null, undefined, 'a page of a proxy', 7, [], { title: 7, errors: {} }])(
    'has a title even if the response is %j',
    (body) => {
      expect(describeError(ApiProblem.from(answer(404), body))).toEqual({
        title: 'The server responded with 404',
        detail: null,
      });
    },
  );

  it('reports that there was no response', () => {
    const problem = ApiProblem.offline(new TypeError('fetch failed'));
    expect([problem.code, problem.isPassing]).toEqual(['offline', true]);
  });
});
