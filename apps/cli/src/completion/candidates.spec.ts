import { describe, expect, it } from 'vitest';
import { createProgram } from '../command.js';
import { TestStream } from '../spec/test-terminal.js';
import { candidatesAt } from './candidates.js';

const program = createProgram(() => async () => {}, { stdout: new TestStream(), stderr: new TestStream() });
const values = (...words: string[]) => candidatesAt(program, words).known.map(({ value }) => value);

describe('completion candidates', () => {
  it('are the visible commands', () => {
    expect(values('')).toEqual(
      expect.arrayContaining(['login', 'logout', 'preview', 'keys', 'status', 'completion']),
    );
    expect(values('')).not.toContain('__complete');
    expect(values('lo')).toEqual(['login', 'logout', 'logs']);
    expect(values('preview', 'cr')).toEqual(['create']);
    expect(values('rm', '')).toEqual([]);
  });

  it('are the flags of the command and of all commands', () => {
    expect(values('preview', 'create', '--ingress-p')).toEqual(['--ingress-port', '--ingress-protocol']);
    expect(values('preview', 'create', '--outp')).toEqual(['--output']);
    expect(values('preview', 'list', '--ingress')).toEqual([]);
  });

  it('are the values of the preceding flag, however it is written', () => {
    expect(values('preview', 'create', '--access', '')).toEqual(['team', 'public']);
    expect(values('preview', 'create', '--access=p')).toEqual(['--access=public']);
    expect(values('preview', 'create', '--access', '=')).toEqual(['team', 'public']);
    expect(values('preview', 'create', '--access', '=', 'p')).toEqual(['public']);
    expect(values('-o', 'j')).toEqual(['json']);
    expect(values('preview', 'create', '--workload', '')).toEqual([]);
  });

  it('are found after flags and their values', () => {
    expect(values('--url', 'login', 'prev')).toEqual(['preview']);
    expect(values('--url=x', 'preview', '--output', 'json', 'sh')).toEqual(['show', 'share']);
    expect(values('completion', '')).toEqual(['bash', 'zsh', 'fish', 'powershell']);
    expect(values('completion', 'bash', '')).toEqual([]);
  });

  it('name the kind of thing that an argument refers to', () => {
    const thing = (...words: string[]) => candidatesAt(program, words).thing;
    expect(thing('preview', 'show', '')).toBe('preview');
    expect(thing('preview', 'show', 'one', '')).toBeNull();
    expect(thing('preview', 'rm', 'one', 'two', '')).toBe('preview');
    expect(thing('keys', 'revoke', '')).toBe('key');
    expect(thing('explain', '')).toBe('error-code');
    expect(thing('preview', 'show', '--')).toBeNull();
    expect(thing('preview', '')).toBeNull();
  });
});
