/** Units of systemd: of the person who installs them, or of the whole machine. */
import { join } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { type CommandLine, MARK, type ServiceDefinition, type ServiceManager } from './definition.js';

/** Needs no privilege, so that it works for units of a person too. Commands of `culvert up` run within these limits. */
const HARDENING = [
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'UMask=0077',
];

/** Only the manager of the whole machine can apply these everywhere. */
const SYSTEM_HARDENING = [
  'CapabilityBoundingSet=',
  'PrivateDevices=yes',
  'PrivateTmp=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectSystem=full',
];

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/** @param directory folder of unit files */
export function systemd(directory: string, { isSystem }: { readonly isSystem: boolean }): ServiceManager {
  const systemctl = (...args: string[]): CommandLine => [
    'systemctl',
    ...(isSystem ? [] : ['--user']),
    ...args,
  ];
  return {
    name: 'systemd',
    fileOf: (id) => join(directory, `${id}.service`),
    textOf: unitOf,
    // `restart` also starts; `enable --now` would leave an older one running.
    start: (id) => [
      systemctl('daemon-reload'),
      systemctl('enable', `${id}.service`),
      systemctl('restart', `${id}.service`),
    ],
    stop: (id) => [systemctl('disable', '--now', `${id}.service`)],
    forget: () => [systemctl('daemon-reload')],
    show: (id) => systemctl('show', `${id}.service`, '--property=ActiveState,SubState,MainPID,NRestarts'),
    readState: (output) => {
      const values = new Map(output.split('\n').map((line) => line.split('=', 2) as [string, string]));
      const [active = 'unknown', sub = 'unknown'] = [values.get('ActiveState'), values.get('SubState')];
      return {
        isRunning: active === 'active',
        state: `${active} (${sub})`,
        pid: Number(values.get('MainPID')) || null,
        restarts: values.has('NRestarts') ? Number(values.get('NRestarts')) : null,
      };
    },
    logs: (id, { lines, follow }) => [
      'journalctl',
      `--${isSystem ? 'unit' : 'user-unit'}=${id}.service`,
      `--lines=${lines}`,
      '--no-pager',
      ...(follow ? ['--follow'] : []),
    ],
    advice: () =>
      isSystem
        ? null
        : 'It starts when you log in, and ends when you log out. To run it from the start of the machine: loginctl enable-linger',
  };
}

function unitOf({
  id,
  command,
  workingDirectory,
  environment,
  environmentFile,
  user,
}: ServiceDefinition): string {
  const variables = Object.entries(environment).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`)}`,
  );
  return [
    `# ${MARK}`,
    '[Unit]',
    `Description=Culvert: ${id}`,
    ...(user === null ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    // It tries again forever.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    // The colon keeps `$` as it is (systemd.service(5)).
    `ExecStart=:${command.map(quoted).join(' ')}`,
    `WorkingDirectory=${plainPath(workingDirectory, 'the working directory')}`,
    ...variables,
    ...(environmentFile === null
      ? []
      : [`EnvironmentFile=${plainPath(environmentFile, 'the file of variables')}`]),
    ...(user === null ? [] : [`User=${user}`]),
    'Restart=always',
    'RestartSec=5',
    // A wrong command line does not become right, and neither does a missing sign-in.
    `RestartPreventExitStatus=${EXIT.usage} ${EXIT.notSignedIn}`,
    `SuccessExitStatus=${EXIT.terminated}`,
    'TimeoutStopSec=30',
    ...HARDENING,
    ...(user === null ? [] : SYSTEM_HARDENING),
    '',
    '[Install]',
    `WantedBy=${user === null ? 'default.target' : 'multi-user.target'}`,
    '',
  ].join('\n');
}

/** Quotes one word (systemd.syntax(7)): C-style escapes apply between quotes, and `%` begins a specifier. */
function quoted(word: string): string {
  refuseNul(word);
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    // oxlint-disable-next-line no-control-regex -- these are what has to be escaped
    .replace(/[\u0001-\u001f\u007f]/g, (c) => ESCAPES[c] ?? hexOf(c));
  return `"${escaped}"`;
}

function hexOf(c: string): string {
  return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Spells a path that is the whole value of a setting, where quotes and escapes have no meaning. */
function plainPath(path: string, what: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what cannot be spelled
  if (/[\u0000-\u001f\u007f]|^\s|[\s\\]$/.test(path)) {
    throw new CliError(EXIT.usage, `${what} has a name that systemd cannot use: ${JSON.stringify(path)}`, {
      hint: 'Use a path without line breaks, and without spaces or a backslash at its end.',
    });
  }
  return path.replaceAll('%', '%%');
}

function refuseNul(word: string): void {
  if (word.includes('\0')) throw new CliError(EXIT.usage, 'an argument has a NUL character');
}
