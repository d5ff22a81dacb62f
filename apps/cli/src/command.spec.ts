import { VERSION } from '@culvert/client';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProblemError, toProblem } from '@culvert/contract';
import { TestServer } from '@culvert/testkit';
import { CliError } from './cli-error.js';
import { createProgram, runCulvert } from './command.js';
import { EXIT } from './exit-code.js';
import { runCommand, TestStream } from './spec/test-terminal.js';

const ENV = { CULVERT_CONFIG_DIR: '/nothing/here' };

describe('the command line', () => {
  it('prints its version and its help on stdout', async () => {
    expect(await runCommand(['--version'])).toEqual({
      exitCode: EXIT.ok,
      stdout: `${VERSION}\n`,
      stderr: '',
    });
    for (const argv of [['--help'], ['help'], ['preview', 'create', '--help'], ['help', 'preview']]) {
      const { exitCode, stdout, stderr } = await runCommand(argv, { isTTY: true });
      expect([argv, exitCode, stderr]).toEqual([argv, EXIT.ok, '']);
      expect(stdout).toContain('Usage: culvert');
      expect(stdout).not.toContain('\u001b');
    }
  });

  it('describes every command', () => {
    const program = createProgram(() => async () => {}, {
      stdout: new TestStream(),
      stderr: new TestStream(),
    });
    const missing = (command: typeof program): string[] =>
      command.commands.flatMap((sub) => [
        ...(sub.name().startsWith('__') || (sub.summary() && sub.description()) ? [] : [sub.name()]),
        ...missing(sub),
      ]);
    expect(missing(program)).toEqual([]);
  });

  it('has the version of its package', () => {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(manifest) as { version: string }).version).toBe(VERSION);
  });

  it.each([
    ['a mistyped command', ['statsu'], 'Did you mean status?'],
    ['a mistyped command below another', ['preview', 'crate'], 'Did you mean create?'],
    ['a mistyped flag', ['status', '--ouput', 'json'], 'Did you mean --output?'],
    ['a wrong format', ['status', '--output', 'xml'], 'Allowed choices are text, json'],
    ['too many arguments', ['whoami', 'me'], 'too many arguments'],
    ['a wrong port', ['preview', 'create', '--ingress-port', '99999'], '--ingress-port'],
    ['a missing argument', ['preview', 'show'], "missing required argument 'preview'"],
    ['a missing flag', ['keys', 'create'], "required option '--name <text>' not specified"],
    ['no workload', ['preview', 'create'], 'give either --workload or --intercept'],
    ['a wrong URL', ['status', '--url', 'ftp://x'], '--url must be the URL of Culvert'],
  ])('refuses %s, with a next step', async (_name, argv, message) => {
    const env = { CULVERT_URL: 'https://culvert.example', CULVERT_API_KEY: 'key-12345' };
    const { exitCode, stdout, stderr } = await runCommand(argv, { env });
    expect([exitCode, stdout]).toEqual([EXIT.usage, '']);
    expect(stderr).toContain(message);
  });

  it('shows help and fails without a command', async () => {
    const { exitCode, stdout, stderr } = await runCommand([]);
    expect([exitCode, stdout]).toEqual([EXIT.usage, '']);
    expect(stderr).toContain('Usage: culvert');
  });

  it.each(['CULVERT_API_KEY', 'AMBASSADOR_CLOUD_APIKEY'])(
    'names %s when the server does not accept the key in it',
    async (variable) => {
      const server = await TestServer.start();
      server.always(401, toProblem(new ProblemError('unauthenticated'), 'request-1'));
      const env = { ...ENV, CULVERT_URL: server.url, [variable]: 'key-12345' };
      const { exitCode, stderr } = await runCommand(['whoami'], { env });
      expect([exitCode, stderr]).toEqual([EXIT.notSignedIn, expect.stringContaining(`from ${variable}`)]);
      await server.close();
    },
  );

  it('explains how to sign in when no one is signed in', async () => {
    const nowhere = await runCommand(['status'], { env: ENV });
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([
      EXIT.notSignedIn,
      expect.stringContaining('culvert login --url'),
    ]);
    const nobody = await runCommand(['status'], { env: { ...ENV, CULVERT_URL: 'https://a.example' } });
    expect([nobody.exitCode, nobody.stderr]).toEqual([
      EXIT.notSignedIn,
      expect.stringContaining('Run "culvert login"'),
    ]);
  });

  it('prints nothing to a completing shell when no one is signed in', async () => {
    expect(await runCommand(['__complete', '--', 'preview', 'show', ''], { env: ENV })).toEqual({
      exitCode: EXIT.ok,
      stdout: '',
      stderr: '',
    });
  });

  it.each([[['frobnicate']], [['keys', 'list', '--frobnicate']], [['preview', 'show']]])(
    'begins the error of %j like all its errors',
    async (argv) => {
      const { exitCode, stderr } = await runCommand(argv, { env: ENV });
      expect([exitCode, stderr.slice(0, 9)]).toEqual([EXIT.usage, 'culvert: ']);
    },
  );

  it('names an argument that is not one of the choices in plain words', async () => {
    const { exitCode, stderr } = await runCommand(['completion', 'tcsh'], { env: ENV });
    expect(exitCode).toBe(EXIT.usage);
    expect(stderr).toMatch(/^culvert: "tcsh" is not a valid shell\. Allowed choices are bash/);
  });

  it('exits as interrupted after a signal', async () => {
    const interruption = new AbortController();
    const server = await TestServer.start();
    server.answer = () => interruption.abort(new CliError(EXIT.interrupted, 'interrupted'));
    const env = { CULVERT_URL: server.url, CULVERT_API_KEY: 'key-12345' };
    const { exitCode, stdout, stderr } = await runCommand(['status'], { env, signal: interruption.signal });
    expect([exitCode, stdout, stderr]).toEqual([EXIT.interrupted, '', 'culvert: interrupted\n']);
    await server.close();
  });

  it('does not hide its own bugs', async () => {
    const stdout = new TestStream();
    stdout.write = () => {
      throw new TypeError('a fault');
    };
    const { signal } = new AbortController();
    const environment = { env: {}, stdin: process.stdin, stdout, stderr: new TestStream(), signal };
    await expect(runCulvert(['completion', 'bash'], environment)).rejects.toThrow('a fault');
  });
});
