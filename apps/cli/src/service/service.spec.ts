import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../spec/test-terminal.js';
import type { ServiceDefinition } from './definition.js';
import { serviceManager } from './service-manager.js';
import { windowsWord } from './windows-task.js';

/** Words that quoting gets wrong most easily. */
const HOSTILE = [
  'plain',
  'with space',
  '"quoted"',
  "it's",
  'back\\slash',
  'ends with \\',
  'ends with \\\\',
  '\\" both',
  '$HOME ${HOME} $$ $(id) `id`',
  '%h %% %i',
  '',
  '; rm -rf / && echo',
  '<key>&amp;</key> ]]> -->',
  'line\nbreak\ttab\rreturn',
  'ünïcode 漢字 🚀',
  '-o',
  '#comment',
  '@{a}',
];

const definition = (more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  id: 'culvert-shop',
  command: ['/usr/bin/env', 'expose', ...HOSTILE],
  workingDirectory: '/tmp',
  environment: { CULVERT_URL: 'https://culvert.example.com', ODD: 'a "b" %h $c\\' },
  environmentFile: null,
  user: null,
  ...more,
});

const managerOf = (platform: NodeJS.Platform, isSystem = false) =>
  serviceManager({ env: { HOME: '/home/ann', APPDATA: '/data' }, isSystem, platform });

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** Splits a value of a unit as systemd.syntax(7) describes it, written apart from the code that quotes. */
function systemdWords(text: string): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === ' ') at++;
    else if (text[at] === '"') {
      let word = '';
      for (at++; text[at] !== '"'; at++) {
        if (text[at] === '%') {
          expect(text[at + 1]).toBe('%');
          at++;
          word += '%';
        } else if (text[at] === '\\') {
          at++;
          const escape = text[at] ?? '';
          if (escape === 'x') {
            word += String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 3), 16));
            at += 2;
          } else word += ({ n: '\n', t: '\t', r: '\r' } as Record<string, string>)[escape] ?? escape;
        } else word += text[at];
      }
      at++;
      words.push(word);
    } else throw new Error(`an unquoted word at ${at}`);
  }
  return words;
}

describe('units of systemd', () => {
  it('hold every argument and variable unchanged', () => {
    const unit = managerOf('linux').textOf(definition());
    const [, line = ''] = /^ExecStart=:(.*)$/m.exec(unit) ?? [];
    expect(systemdWords(line)).toEqual(definition().command);
    const variables = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, value = '']) =>
      systemdWords(value),
    );
    expect(variables).toEqual(['CULVERT_URL=https://culvert.example.com', 'ODD=a "b" %h $c\\']);
  });

  // A line break that is not escaped could add settings of its own, such as another program to run.
  it('have no other lines, whatever the arguments are', () => {
    const lines = (words: readonly string[]) =>
      managerOf('linux')
        .textOf(definition({ command: ['/usr/bin/env', ...words] }))
        .split('\n')
        .map((line) => line.split('=')[0]);
    expect(lines(['x\nExecStartPre=/bin/evil\n[Install]', 'y\\'])).toEqual(lines(['x']));
  });

  it('start again after every restart of the machine, and try forever', () => {
    const [own, system] = [
      managerOf('linux').textOf(definition()),
      managerOf('linux', true).textOf(definition({ user: 'ann' })),
    ];
    expect(own).toMatch(/^WantedBy=default\.target$/m);
    expect(system).toMatch(/^WantedBy=multi-user\.target$/m);
    for (const unit of [own, system]) expect(unit).toMatch(/^Restart=always$[^]*^NoNewPrivileges=yes$/m);
    expect(system).toMatch(/^User=ann$[^]*^CapabilityBoundingSet=$/m);
    expect(managerOf('linux').advice(definition())).toContain('loginctl enable-linger');
  });

  it.each(['/tmp/a\nb', '/tmp/a ', '/tmp/a\\'])('refuse a folder that systemd cannot name: %j', (path) => {
    expect(() => managerOf('linux').textOf(definition({ workingDirectory: path }))).toThrow(
      'systemd cannot use',
    );
  });

  it.skipIf(!has('systemd-analyze'))('are accepted by systemd-analyze without a warning', () => {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-units-'));
    try {
      const environmentFile = join(folder, 'with %h.env');
      writeFileSync(environmentFile, 'CULVERT_API_KEY=x\n', { mode: 0o600 });
      for (const user of [null, 'root']) {
        const path = join(folder, 'culvert-shop.service');
        writeFileSync(path, managerOf('linux', user !== null).textOf(definition({ user, environmentFile })));
        const { status, stderr } = spawnSync(
          'systemd-analyze',
          ['verify', ...(user === null ? ['--user'] : []), path],
          { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: folder } },
        );
        expect([status, stderr.split('\n').filter((line) => line.includes('culvert'))]).toEqual([0, []]);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('property lists of launchd', () => {
  // An XML parser of another project reads what was written.
  const parse = (text: string): Record<string, unknown> =>
    JSON.parse(
      execFileSync(
        'python3',
        ['-c', 'import plistlib,json,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'],
        {
          input: text,
          encoding: 'utf8',
        },
      ),
    ) as Record<string, unknown>;

  it.skipIf(!has('python3'))('hold every argument and variable unchanged', () => {
    expect(parse(managerOf('darwin').textOf(definition()))).toMatchObject({
      Label: 'culvert-shop',
      ProgramArguments: definition().command,
      EnvironmentVariables: definition().environment,
      RunAtLoad: true,
      KeepAlive: true,
      StandardErrorPath: '/home/ann/Library/Logs/culvert-shop.log',
    });
  });

  it.skipIf(!has('python3'))('load the file of variables with a shell that sees no other argument', () => {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-plist-'));
    try {
      const environmentFile = join(folder, "it's $HOME.env");
      writeFileSync(environmentFile, 'CULVERT_API_KEY=from-file\n');
      const script = 'console.log(JSON.stringify([process.env.CULVERT_API_KEY, ...process.argv.slice(1)]))';
      const command = [process.execPath, '-e', script, '--', ...HOSTILE] as const;
      const text = managerOf('darwin', true).textOf(definition({ command, environmentFile, user: 'ann' }));
      const { ProgramArguments, UserName } = parse(text) as { ProgramArguments: string[]; UserName: string };
      const [program = '', ...args] = ProgramArguments;
      const printed = execFileSync(program, args, { encoding: 'utf8' });
      expect(JSON.parse(printed)).toEqual(['from-file', ...HOSTILE]);
      expect(UserName).toBe('ann');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('refuse what XML cannot hold', () => {
    const command = ['/bin/x', 'a\u0001'] as const;
    expect(() => managerOf('darwin').textOf(definition({ command }))).toThrow('cannot hold');
  });
});

/** Splits a command line as Microsoft documents it for CommandLineToArgvW, after the program. */
function windowsWords(line: string): string[] {
  const words: string[] = [];
  let [word, isQuoted, isWord] = ['', false, false];
  for (let at = 0; at < line.length; at++) {
    const slashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    if (slashes > 0) {
      isWord = true;
      const beforeQuote = line[at + slashes] === '"';
      word += '\\'.repeat(beforeQuote ? Math.floor(slashes / 2) : slashes);
      at += slashes - 1;
      if (beforeQuote && slashes % 2 === 1) {
        word += '"';
        at++;
      }
    } else if (line[at] === '"') [isQuoted, isWord] = [!isQuoted, true];
    else if (!isQuoted && /\s/.test(line[at] ?? '')) {
      if (isWord) words.push(word);
      [word, isWord] = ['', false];
    } else [word, isWord] = [word + (line[at] ?? ''), true];
  }
  return isWord ? [...words, word] : words;
}

describe('tasks of Windows', () => {
  it('quote arguments as Windows splits them', () => {
    expect(windowsWords(HOSTILE.map(windowsWord).join(' '))).toEqual(HOSTILE);
  });

  it.skipIf(!has('python3'))('are XML that holds the command line unchanged', () => {
    const text = managerOf('win32').textOf(definition());
    const reader =
      'import sys,xml.etree.ElementTree as E; e=E.fromstring(sys.stdin.buffer.read()); ' +
      "sys.stdout.buffer.write(e.find('.//{*}Arguments').text.encode())";
    const line = execFileSync('python3', ['-c', reader], { input: text, encoding: 'utf8' });
    const [, ...args] = definition().command;
    expect(windowsWords(line)).toEqual([...args, '--url', 'https://culvert.example.com']);
  });
});

describe.skipIf(process.platform !== 'linux')('culvert service', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'culvert-service-'));
    mkdirSync(join(home, 'bin'));
    writeFileSync(file(), 'endpoints:\n  web:\n    target: 3000\n', { mode: 0o600 });
    for (const name of ['systemctl', 'journalctl'])
      answerOf(name, 'echo "ActiveState=active"; echo "MainPID=42"');
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const file = (): string => join(home, 'culvert.yaml');
  const up = (): string[] => ['--', 'up', '--file', file()];

  /** Puts a program on the PATH that records how it is called. */
  function answerOf(name: string, script: string): void {
    const path = join(home, 'bin', name);
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> "${home}/calls"\n${script}\n`, { mode: 0o755 });
  }
  const calls = (): string[] =>
    existsSync(join(home, 'calls')) ? readFileSync(join(home, 'calls'), 'utf8').trim().split('\n') : [];
  const unit = (name = 'culvert'): string => join(home, '.config', 'systemd', 'user', `${name}.service`);
  const run = (argv: readonly string[], more: Record<string, string> = {}) =>
    runCommand(['service', ...argv], {
      env: {
        HOME: home,
        PATH: `${join(home, 'bin')}:/usr/bin:/bin`,
        CULVERT_URL: 'https://culvert.example.com',
        ...more,
      },
    });
  const signIn = (): void => {
    mkdirSync(join(home, '.config', 'culvert'), { recursive: true });
    const server = { kind: 'api-key', apiKey: 'cvt_planted' };
    const content = { version: 1, current: null, servers: { 'https://culvert.example.com': server } };
    const path = join(home, '.config', 'culvert', 'credentials.json');
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
  };

  it('installs, starts, shows, and removes a unit', async () => {
    signIn();
    const installed = await run([
      'install',
      '--name',
      'shop',
      '--',
      'expose',
      '3000',
      '--keep',
      '--name',
      'a b',
    ]);
    expect([installed.exitCode, installed.stderr]).toEqual([0, expect.stringContaining('enable-linger')]);
    expect(readFileSync(unit('culvert-shop'), 'utf8')).toMatch(/"expose" "3000" "--keep" "--name" "a b"$/m);
    expect(readFileSync(unit('culvert-shop'), 'utf8')).not.toContain('planted');
    const shown = await run(['status', '--name', 'shop', '--output', 'json']);
    expect([shown.exitCode, JSON.parse(shown.stdout)]).toMatchObject([0, { isRunning: true, pid: 42 }]);
    answerOf('journalctl', 'echo "one line"');
    expect((await run(['logs', '--name', 'shop', '--lines', '5'])).stdout).toBe('one line\n');
    expect((await run(['uninstall', '--name', 'shop'])).exitCode).toBe(0);
    expect(existsSync(unit('culvert-shop'))).toBe(false);
    expect(calls()).toEqual([
      'systemctl --user daemon-reload',
      'systemctl --user enable culvert-shop.service',
      'systemctl --user restart culvert-shop.service',
      'systemctl --user show culvert-shop.service --property=ActiveState,SubState,MainPID,NRestarts',
      'journalctl --user-unit=culvert-shop.service --lines=5 --no-pager',
      'systemctl --user disable --now culvert-shop.service',
      'systemctl --user daemon-reload',
    ]);
  });

  it('prints the unit with --dry-run and changes nothing', async () => {
    const { exitCode, stdout } = await run(['install', '--dry-run', '--', 'up']);
    expect([exitCode, existsSync(unit()), calls()]).toEqual([0, false, []]);
    expect(stdout).toMatch(/^ExecStart=:".*" "up"$/m);
  });

  it('reports a service that does not run, or is not installed, by the exit code', async () => {
    expect((await run(['status'])).exitCode).toBe(5);
    signIn();
    await run(['install', ...up()]);
    answerOf('systemctl', 'echo "ActiveState=failed"');
    expect((await run(['status'])).exitCode).toBe(1);
  });

  it.each([
    [
      'the key of the terminal',
      ['--', 'expose', '3000'],
      { CULVERT_API_KEY: 'cvt_abcdefgh' },
      2,
      '--env-file',
    ],
    ['no sign-in', ['--', 'expose', '3000'], {}, 3, 'culvert login'],
    ['a file that does not exist', ['--', 'up', '--file', '/no/such/file'], {}, 2, 'is not a file'],
    ['another command', ['--', 'login'], {}, 2, 'not "login"'],
    ['a command that ends at once', ['--', 'up', '--detach'], {}, 2, '--detach'],
    [
      'a key in an argument',
      ['--', 'expose', '3000', '--add-request-header', 'x=cvp_abcdefgh'],
      {},
      2,
      'every user',
    ],
    ['a name with a slash', ['--name', '../x', '--', 'up'], {}, 2, 'lower-case'],
  ])('refuses %s', async (_name, argv, env, exitCode, said) => {
    const result = await run(['install', ...argv], env);
    expect([result.exitCode, result.stderr]).toEqual([exitCode, expect.stringContaining(said)]);
    expect([existsSync(unit()), calls()]).toEqual([false, []]);
  });

  describe('with a URL in culvert.yaml', () => {
    const OF_FILE = 'https://of-file.example.com';
    const OF_SIGN_IN = 'https://culvert.example.com';
    const write = (text: string): void =>
      writeFileSync(file(), `${text}\nendpoints:\n  web:\n    target: 3000\n`, { mode: 0o600 });
    /** Signs in at servers, the last of which is the current one. */
    const signInAt = (...servers: string[]): void => {
      mkdirSync(join(home, '.config', 'culvert'), { recursive: true });
      const keys = servers.map((url) => [url, { kind: 'api-key', apiKey: 'cvt_planted' }]);
      const content = { version: 1, current: servers.at(-1), servers: Object.fromEntries(keys) as object };
      const path = join(home, '.config', 'culvert', 'credentials.json');
      writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    };
    const urlIn = (text: string): string | undefined => /CULVERT_URL=([^"\s]+)/.exec(text)?.[1];
    const withoutUrl = { CULVERT_URL: '' };

    it.each([
      ['the file', `url: ${OF_FILE}`, [], withoutUrl, undefined],
      [
        'the file, whatever its variables are',
        'url: ${WHERE:-https://of-file.example.com}',
        [],
        withoutUrl,
        undefined,
      ],
      [
        '--url over the file',
        `url: ${OF_FILE}`,
        ['--url', 'https://flag.example.com'],
        withoutUrl,
        'https://flag.example.com',
      ],
      ['CULVERT_URL over the file', `url: ${OF_FILE}`, [], {}, OF_SIGN_IN],
      ['the sign-in, without one in the file', 'name: shop', [], withoutUrl, OF_SIGN_IN],
    ])('gives the service that of %s', async (_name, text, flags, env, url) => {
      write(text);
      signInAt(OF_FILE, 'https://flag.example.com', OF_SIGN_IN);
      const shown = await run(['install', '--dry-run', ...flags, ...up()], env);
      expect([shown.exitCode, urlIn(shown.stdout)]).toEqual([0, url]);
      const installed = await run(['install', ...flags, ...up()], env);
      expect([installed.exitCode, urlIn(readFileSync(unit(), 'utf8'))]).toEqual([0, url]);
    });

    it('checks the sign-in at the URL of the file', async () => {
      write(`url: ${OF_FILE}`);
      signInAt(OF_SIGN_IN);
      const refused = await run(['install', ...up()], withoutUrl);
      expect([refused.exitCode, refused.stderr]).toEqual([
        3,
        expect.stringContaining(`not signed in at ${OF_FILE}`),
      ]);
      signInAt(OF_FILE, OF_SIGN_IN);
      expect((await run(['install', ...up()], withoutUrl)).exitCode).toBe(0);
    });

    it('needs no sign-in if the file has a key', async () => {
      write(`url: ${OF_FILE}\napiKey: cvt_abcdefgh`);
      const installed = await run(['install', ...up()], withoutUrl);
      expect([installed.exitCode, installed.stderr]).toEqual([0, expect.any(String)]);
      expect(readFileSync(unit(), 'utf8')).not.toContain('cvt_abcdefgh');
    });

    it('refuses a file that needs a variable of the terminal', async () => {
      write('url: ${WHERE}');
      signInAt(OF_FILE);
      const refused = await run(['install', ...up()], { ...withoutUrl, WHERE: OF_FILE });
      expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('WHERE is not set')]);
      expect(refused.stderr).toContain('A service does not see the variables of this terminal.');
    });
  });

  it('uses a file of variables only if no other user can read it, and never copies it', async () => {
    const path = join(home, 'culvert.env');
    writeFileSync(path, 'CULVERT_API_KEY=cvt_planted\n', { mode: 0o644 });
    const argv = ['install', '--env-file', path, '--', 'up'];
    const refused = await run(argv);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('chmod 600')]);
    rmSync(path);
    writeFileSync(path, 'CULVERT_API_KEY=cvt_planted\n', { mode: 0o600 });
    expect((await run(argv)).exitCode).toBe(0);
    expect(readFileSync(unit(), 'utf8')).toContain(`EnvironmentFile=${path}\n`);
    expect(readFileSync(unit(), 'utf8')).not.toContain('planted');
  });

  it('keeps proxies with a password out of the unit', async () => {
    const env = { HTTPS_PROXY: 'http://ann:planted@proxy.test:1', HTTP_PROXY: 'http://proxy.test:2' };
    const { stdout } = await run(['install', '--dry-run', '--', 'up'], env);
    expect(stdout).toContain('HTTP_PROXY=http://proxy.test:2');
    expect(stdout).not.toContain('planted');
  });

  it('does not replace or remove a unit of someone else', async () => {
    signIn();
    mkdirSync(join(home, '.config', 'systemd', 'user'), { recursive: true });
    writeFileSync(unit(), '[Service]\nExecStart=/bin/mine\n');
    for (const argv of [['install', ...up()], ['uninstall']])
      expect(await run(argv)).toMatchObject({
        exitCode: 6,
        stderr: expect.stringContaining('not written by') as string,
      });
    expect(readFileSync(unit(), 'utf8')).toContain('/bin/mine');
  });

  it('leaves no unit behind if systemd cannot start it, and says what to do', async () => {
    signIn();
    answerOf('systemctl', 'echo "Failed to connect to bus: No medium found" >&2; exit 1');
    const { exitCode, stderr } = await run(['install', ...up()]);
    expect([exitCode, stderr]).toEqual([8, expect.stringContaining('not with su or sudo')]);
    expect(existsSync(unit())).toBe(false);
  });
});
