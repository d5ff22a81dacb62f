import { describe, expect, it } from 'vitest';
import { answerArguments } from './command-line.js';
import { APPS, loadSettings } from './settings/settings.js';
import { VARIABLE_GROUPS } from './settings/variable-help.js';
import { VARIABLES } from './settings/variables.js';

const rows = VARIABLE_GROUPS.flatMap(({ variables }) => variables);

/** Settings that others need to have an effect. */
const EVERYTHING_ON = {
  DATABASE_URL: 'postgresql://culvert@db/culvert',
  REDIS_URL: 'redis://redis:6379',
  EDGE_LINK_SECRET: 's'.repeat(32),
  OIDC_ISSUER: 'https://id.example.com',
  OIDC_CLIENT_ID: 'culvert',
  GITHUB_CLIENT_ID: 'culvert',
  GITHUB_CLIENT_SECRET: 'secret',
  PULL_REQUEST_GITHUB_TOKEN: 'secret',
  PULL_REQUEST_GITLAB_TOKEN: 'secret',
  PULL_REQUEST_BITBUCKET_TOKEN: 'secret',
};

describe('the help of a server program', () => {
  it('describes every variable that is read, once', () => {
    expect(rows.map(({ variable }) => variable).toSorted()).toEqual(Object.keys(VARIABLES).toSorted());
  });

  it.each(rows.flatMap(({ variable, default: value }) => (value === undefined ? [] : [[variable, value]])))(
    'is right about %s: its default %s equals the value without it',
    (variable, value) => {
      const without = loadSettings('edge', EVERYTHING_ON);
      expect(loadSettings('edge', { ...EVERYTHING_ON, [variable]: value })).toEqual(without);
    },
  );

  it.each(APPS)(
    'of %s names usage and settings in lines that fit a terminal, and ends with success',
    (app) => {
      const { text, exitCode } = answerArguments(app, '1.2.3', ['--help'])!;
      expect(exitCode).toBe(0);
      expect(text).toContain(`Usage: node dist/apps/${app}/src/main.js`);
      expect(text).toMatch(/^ {2}PORT +the public port; 0: a free one \(default: 8080\)$/m);
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
      expect(answerArguments(app, '1.2.3', ['-h'])).toEqual({ text, exitCode });
    },
  );

  it('marks what a split process needs', () => {
    expect(answerArguments('edge', '1', ['--help'])?.text).toMatch(/^ {2}REDIS_URL +.*\(required\)$/m);
    expect(answerArguments('standalone', '1', ['--help'])?.text).not.toContain('(required)');
  });
});

describe(answerArguments, () => {
  it('lets a program start without arguments', () => {
    expect(answerArguments('api', '1.2.3', [])).toBeNull();
  });

  it('prints the version', () => {
    expect(answerArguments('api', '1.2.3', ['--version'])).toEqual({
      text: 'culvert api 1.2.3\n',
      exitCode: 0,
    });
  });

  // Fault: standalone ignored its arguments, so that `--help` started a server.
  it.each([[['--port', '80']], [['serve']], [['--help', 'me']], [['']], [['--help', '--help']]])(
    'refuses %j, and says where settings come from',
    (argv) => {
      const answer = answerArguments('standalone', '1.2.3', argv);
      expect(answer?.exitCode).toBe(2);
      expect(answer?.text).toMatch(
        /^culvert standalone: unexpected argument ".*"\. Settings come from the environment: --help lists them\.\n$/,
      );
    },
  );
});
