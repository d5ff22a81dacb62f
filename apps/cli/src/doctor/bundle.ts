/** The archive that people send to support: results, versions, settings and logs, without secrets. */
import { writeFileSync } from 'node:fs';
import { release, type as systemName } from 'node:os';
import { gzipSync } from 'node:zlib';
import { credentialSource, plainJson, VERSION } from '@culvert/client';
import { packTar } from 'modern-tar';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { DoctorReport } from './doctor.js';
import { lastLogs } from './last-logs.js';
import { redact } from './redact.js';

/** Variables whose value is shown. */
const SHOWN = [
  'CULVERT_URL',
  'CULVERT_WORKLOAD_IDENTITY',
  'CULVERT_CA_FILE',
  'CULVERT_CLUSTER_URL',
  'CULVERT_CONFIG_DIR',
  'HTTPS_PROXY',
  'https_proxy',
  'HTTP_PROXY',
  'http_proxy',
  'NO_PROXY',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'LANG',
] as const;

/** Variables of which only is shown whether they are set. */
const SECRET = [
  'CULVERT_API_KEY',
  'AMBASSADOR_CLOUD_APIKEY',
  'CULVERT_CLUSTER_SECRET',
  'CULVERT_ID_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
] as const;

/** Writes the archive for its owner alone. Does not replace a file. @throws CliError if it cannot be written */
export async function writeBundle(
  context: CommandContext,
  path: string,
  report: DoctorReport,
): Promise<void> {
  const secrets = await secretsOf(context);
  const values = { report, settings: settingsOf(context), versions: versions() };
  const files = [
    ...Object.entries(values).map(([name, value]) => ({ name: `${name}.json`, text: plainJson(value) })),
    ...(await lastLogs(context)),
  ];
  const mtime = new Date();
  const archive = await packTar(
    files.map(({ name, text }) => {
      const body = Buffer.from(`${redact(text, secrets)}\n`);
      return {
        header: { name: `culvert-doctor/${name}`, size: body.length, mode: 0o600, mtime },
        body,
      };
    }),
  );
  try {
    writeFileSync(path, gzipSync(archive), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw new CliError(EXIT.failure, `the archive cannot be written: ${(cause as Error).message}`, {
      hint: 'Name a file that does not exist yet, in a folder where you may write.',
      cause,
    });
  }
}

function versions() {
  return {
    culvert: VERSION,
    node: process.versions.node,
    openssl: process.versions.openssl,
    system: `${systemName()} ${release()} ${process.arch}`,
    at: new Date().toISOString(),
  };
}

function settingsOf({ env, settings }: CommandContext) {
  return {
    credential: safely(() => credentialSource(settings)),
    credentialFile: safely(() => settings.credentials.path),
    certificatesGiven: settings.ca !== undefined,
    environment: {
      ...Object.fromEntries(SHOWN.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
      ...Object.fromEntries(SECRET.map((name) => [name, env[name] ? 'set' : 'not set'])),
    },
  };
}

/** Returns null for a setting that cannot be read, which a check reports. */
function safely<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Returns all secrets that this run knows, so that none of them is written by any way. */
async function secretsOf(context: CommandContext): Promise<string[]> {
  const { env, settings } = context;
  const stored = safely(() => settings.credentials.find(settings.url));
  const current = await Promise.resolve(safely(() => context.bearer))
    .then((bearer) => bearer?.secret())
    .catch(() => undefined);
  return [
    ...SECRET.map((name) => env[name]?.trim()),
    current,
    ...(stored?.kind === 'tokens' ? [stored.accessToken, stored.refreshToken] : []),
    ...(stored?.kind === 'api-key' ? [stored.apiKey] : []),
    ...proxyPasswords(env),
  ].filter((secret): secret is string => secret !== undefined && secret !== '');
}

function proxyPasswords(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!/^https?_proxy$/i.test(name) || value === undefined || !URL.canParse(value)) return [];
    const { password } = new URL(value);
    return [password, safely(() => decodeURIComponent(password)) ?? ''];
  });
}
