import { readFileSync } from 'node:fs';
import { checkAuthorities, checkCertificate } from '../pem.js';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { splitList } from './secrets.js';
import { type Values, type Variable, VARIABLES } from './variables.js';

/** What edges prove themselves to each other with. */
export type LinkCredentialSettings =
  | { readonly kind: 'secrets'; readonly secrets: readonly string[] }
  | { readonly kind: 'certificates'; readonly cert: string; readonly key: string; readonly ca: string };

/** Files that hold the credentials, by variable. They are read again while the edge runs. */
export type LinkCredentialFiles = Pick<
  Values,
  'EDGE_LINK_SECRET_FILE' | 'EDGE_LINK_CERT_FILE' | 'EDGE_LINK_KEY_FILE' | 'EDGE_LINK_CA_FILE'
>;

/** How this edge and the others reach each other. */
export interface LinkSettings {
  /** Port at which it accepts links; 0: the system chooses one. */
  readonly port: number;
  /** `host:port` that others dial; undefined: an address of this machine and the port. */
  readonly address: string | undefined;
  readonly credentials: LinkCredentialSettings;
  /** Null: the credentials are in the environment, and do not change. */
  readonly files: LinkCredentialFiles | null;
}

const DEFAULT_PORT = 9091;
const SECRET = /^[!-+\--~]{32,512}$/;

/** Returns the settings of links, or null if edges do not use each other's tunnels. Adds what is wrong to `problems`. */
export function readLinks(values: Values, problems: ConfigurationProblem[]): LinkSettings | null {
  const secrets = readSecrets(values, problems);
  const certificates = readCertificates(values, problems);
  if (secrets !== null && certificates !== null) {
    problems.push({ variable: 'EDGE_LINK_SECRET', expected: 'absent when EDGE_LINK_CERT_FILE is set' });
  }
  const credentials = certificates ?? secrets;
  if (credentials === null || values.REDIS_URL === undefined) return null;
  return {
    port: values.EDGE_LINK_PORT ?? DEFAULT_PORT,
    address: values.EDGE_LINK_ADDRESS,
    credentials,
    files: values.EDGE_LINK_SECRET === undefined ? filesOf(values) : null,
  };
}

/** Reads the credentials in `files` anew. @throws ConfigurationError if they cannot be used */
export function readLinkCredentials(files: LinkCredentialFiles): LinkCredentialSettings {
  const problems: ConfigurationProblem[] = [];
  const credentials = readCertificates(files, problems) ?? readSecrets(files, problems);
  if (credentials === null || problems.length > 0) throw new ConfigurationError(problems);
  return credentials;
}

function filesOf(values: Values): LinkCredentialFiles {
  const { EDGE_LINK_SECRET_FILE, EDGE_LINK_CERT_FILE, EDGE_LINK_KEY_FILE, EDGE_LINK_CA_FILE } = values;
  return {
    ...(EDGE_LINK_SECRET_FILE !== undefined && { EDGE_LINK_SECRET_FILE }),
    ...(EDGE_LINK_CERT_FILE !== undefined && { EDGE_LINK_CERT_FILE }),
    ...(EDGE_LINK_KEY_FILE !== undefined && { EDGE_LINK_KEY_FILE }),
    ...(EDGE_LINK_CA_FILE !== undefined && { EDGE_LINK_CA_FILE }),
  };
}

function readSecrets(values: Values, problems: ConfigurationProblem[]): LinkCredentialSettings | null {
  const { EDGE_LINK_SECRET: inline, EDGE_LINK_SECRET_FILE: file } = values;
  if (inline === undefined && file === undefined) return null;
  const variable = inline === undefined ? 'EDGE_LINK_SECRET_FILE' : 'EDGE_LINK_SECRET';
  const text = inline ?? readFile('EDGE_LINK_SECRET_FILE', file, problems);
  if (text === null) return null;
  const secrets = splitList(text.replace(/[\r\n]+/g, ','));
  if (secrets.length > 0 && secrets.length <= 4 && secrets.every((secret) => SECRET.test(secret)))
    return { kind: 'secrets', secrets };
  problems.push({
    variable,
    expected: `${inline === undefined ? 'a file with ' : ''}one to four secrets of 32 to 512 visible ASCII characters, separated by commas${inline === undefined ? ' or lines' : ''}`,
  });
  return null;
}

function readCertificates(values: Values, problems: ConfigurationProblem[]): LinkCredentialSettings | null {
  const { EDGE_LINK_CERT_FILE: certFile, EDGE_LINK_KEY_FILE: keyFile, EDGE_LINK_CA_FILE: caFile } = values;
  if (certFile === undefined && keyFile === undefined && caFile === undefined) return null;
  const cert = readFile('EDGE_LINK_CERT_FILE', certFile, problems);
  const key = readFile('EDGE_LINK_KEY_FILE', keyFile, problems);
  const ca = readFile('EDGE_LINK_CA_FILE', caFile, problems);
  if (cert === null || key === null || ca === null) return null;
  try {
    checkCertificate({ cert, key });
  } catch {
    const expected =
      'a PEM certificate chain whose first certificate belongs to the private key in EDGE_LINK_KEY_FILE';
    problems.push({ variable: 'EDGE_LINK_CERT_FILE', expected, got: certFile ?? '' });
    return null;
  }
  try {
    checkAuthorities(ca);
  } catch {
    problems.push({
      variable: 'EDGE_LINK_CA_FILE',
      expected: 'at least one PEM certificate',
      got: caFile ?? '',
    });
    return null;
  }
  return { kind: 'certificates', cert, key, ca };
}

function readFile(
  variable: Variable,
  path: string | undefined,
  problems: ConfigurationProblem[],
): string | null {
  if (path === undefined) {
    const expected =
      'set as well: a link needs EDGE_LINK_CERT_FILE, EDGE_LINK_KEY_FILE and EDGE_LINK_CA_FILE';
    problems.push({ variable, expected });
    return null;
  }
  try {
    return readFileSync(path, 'utf8');
  } catch {
    problems.push({ variable, expected: VARIABLES[variable].description ?? 'readable', got: path });
    return null;
  }
}
