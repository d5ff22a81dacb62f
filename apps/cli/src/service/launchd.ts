/** Property lists of launchd: agents of the person who installs them, or daemons of the whole machine. */
import { join } from 'node:path';
import { type CommandLine, MARK, type ServiceDefinition, type ServiceManager } from './definition.js';
import { xmlText } from './xml-text.js';

/** Loads the file of variables, which launchd cannot do itself, then becomes the program. */
const WITH_FILE: CommandLine = ['/bin/sh', '-c', 'set -a; . "$0"; set +a; exec "$@"'];

const THROTTLE_SECONDS = 5;

export interface LaunchdOptions {
  /** Folder of property lists. */
  readonly directory: string;
  /** Folder of logs. */
  readonly logs: string;
  /** Where services run: `system`, or `gui/UID`. */
  readonly domain: string;
}

export function launchd({ directory, logs, domain }: LaunchdOptions): ServiceManager {
  const fileOf = (id: string): string => join(directory, `${id}.plist`);
  const logOf = (id: string): string => join(logs, `${id}.log`);
  return {
    name: 'launchd',
    fileOf,
    textOf: (definition) => plistOf(definition, logOf(definition.id)),
    start: (id) => [
      ['launchctl', 'bootstrap', domain, fileOf(id)],
      ['launchctl', 'kickstart', '-k', `${domain}/${id}`],
    ],
    stop: (id) => [['launchctl', 'bootout', `${domain}/${id}`]],
    forget: () => [],
    show: (id) => ['launchctl', 'print', `${domain}/${id}`],
    readState: (output) => {
      const state = /^\s*state = (.+)$/m.exec(output)?.[1] ?? 'unknown';
      const pid = Number(/^\s*pid = (\d+)$/m.exec(output)?.[1]) || null;
      const runs = /^\s*runs = (\d+)$/m.exec(output)?.[1];
      const restarts = runs === undefined ? null : Math.max(0, Number(runs) - 1);
      return { isRunning: state === 'running', state, pid, restarts };
    },
    logs: (id, { lines, follow }) => ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), logOf(id)],
    advice: ({ user }) => (user === null ? 'It starts when you log in, and ends when you log out.' : null),
  };
}

function plistOf(
  { id, command, workingDirectory, environment, environmentFile, user }: ServiceDefinition,
  log: string,
): string {
  const line = environmentFile === null ? command : [...WITH_FILE, environmentFile, ...command];
  const variables = Object.entries(environment).flatMap(([name, value]) => [
    `      <key>${xmlText(name)}</key>`,
    `      <string>${xmlText(value)}</string>`,
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<!-- ${MARK} -->`,
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '  <dict>',
    ...text('Label', id),
    '    <key>ProgramArguments</key>',
    '    <array>',
    ...line.map((word) => `      <string>${xmlText(word)}</string>`),
    '    </array>',
    ...text('WorkingDirectory', workingDirectory),
    '    <key>EnvironmentVariables</key>',
    '    <dict>',
    ...variables,
    '    </dict>',
    ...(user === null ? [] : text('UserName', user)),
    '    <key>RunAtLoad</key>',
    '    <true/>',
    '    <key>KeepAlive</key>',
    '    <true/>',
    '    <key>ThrottleInterval</key>',
    `    <integer>${THROTTLE_SECONDS}</integer>`,
    '    <key>Umask</key>',
    '    <integer>63</integer>',
    ...text('ProcessType', 'Background'),
    ...text('StandardOutPath', log),
    ...text('StandardErrorPath', log),
    '  </dict>',
    '</plist>',
    '',
  ].join('\n');
}

/** Returns the lines of a key and its text. */
function text(key: string, value: string): string[] {
  return [`    <key>${key}</key>`, `    <string>${xmlText(value)}</string>`];
}
