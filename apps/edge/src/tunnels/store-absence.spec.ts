import { StoreUnavailableError } from '@culvert/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreAbsence } from './store-absence.js';

let time: number;
let absence: StoreAbsence;
let asked: number;

beforeEach(() => {
  time = 0;
  asked = 0;
  absence = new StoreAbsence(() => time);
});

const answered = () => absence.ask(async () => ++asked);
const unanswered = (error: Error = new StoreUnavailableError()) =>
  absence.ask(async () => {
    asked++;
    throw error;
  });

describe(StoreAbsence.name, () => {
  it('does not ask for a second after the store did not answer, and then once a second', async () => {
    await expect(unanswered()).rejects.toThrow(StoreUnavailableError);
    time = 999;
    await expect(answered()).rejects.toThrow(StoreUnavailableError);
    expect(asked).toBe(1);
    time = 1000;
    let answer: (value: string) => void = () => {};
    const waiting = absence.ask(() => new Promise<string>((resolve) => (answer = resolve)));
    await expect(answered()).rejects.toThrow(StoreUnavailableError);
    expect(asked).toBe(1);
    answer('back');
    expect(await waiting).toBe('back');
    expect(await answered()).toBe(2);
  });

  it('asks again at once if the store answered with another error', async () => {
    await expect(unanswered(new Error('wrong'))).rejects.toThrow('wrong');
    expect(await answered()).toBe(2);
  });

  it('ignores a failure that began before the last answer', async () => {
    let fail: (error: Error) => void = () => {};
    const waiting = absence.ask(() => new Promise<string>((_resolve, reject) => (fail = reject)));
    time = 1;
    expect(await answered()).toBe(1);
    fail(new StoreUnavailableError());
    await expect(waiting).rejects.toThrow(StoreUnavailableError);
    expect(await answered()).toBe(2);
  });
});
