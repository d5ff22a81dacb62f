import { DISPOSITIONS } from '@culvert/terms';
import { describe, expect, it } from 'vitest';
import { wordOfState } from './states.js';

describe('wordOfState', () => {
  it('has words for every state of the API', () => {
    expect(wordOfState('NO_AGENT')).toBe('no agent');
    expect(DISPOSITIONS.filter((disposition) => wordOfState(disposition) === disposition)).toEqual([]);
  });

  it.each(['PAUSED', 'constructor'])('returns %s of a newer server as it is', (disposition) => {
    expect(wordOfState(disposition)).toBe(disposition);
  });
});
