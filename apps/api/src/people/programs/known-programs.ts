import { CULVERT_CLIENT_ID } from '@culvert/domain';

/**
 * Programs that people can allow to act for them. Public clients (RFC 6749 §2.1): a program cannot keep a secret, so
 * nothing here is secret, and only PKCE binds a code to its requester.
 */
export interface KnownProgram {
  readonly clientId: string;
  /** Name that people see. */
  readonly name: string;
  /** What the program will do with the consent: a sentence for the person. */
  readonly purpose: string;
  /** Whether it can sign in on a machine without a browser (RFC 8628). */
  readonly usesDeviceCodes: boolean;
}

const TELEPRESENCE_PURPOSE = 'It will create previews and API keys for itself.';

const PROGRAMS: readonly KnownProgram[] = [
  {
    clientId: CULVERT_CLIENT_ID,
    name: 'The culvert command',
    purpose: 'It will manage previews, intercepts, connections and API keys with your permissions.',
    usesDeviceCodes: true,
  },
  {
    clientId: 'telepresence-cli',
    name: 'Telepresence',
    purpose: TELEPRESENCE_PURPOSE,
    usesDeviceCodes: false,
  },
  {
    clientId: 'docker-desktop',
    name: 'Telepresence for Docker Desktop',
    purpose: TELEPRESENCE_PURPOSE,
    usesDeviceCodes: false,
  },
];

export function findKnownProgram(clientId: string | undefined): KnownProgram | null {
  return PROGRAMS.find((program) => program.clientId === clientId) ?? null;
}

/** Returns the name, also for a program that this version does not know. */
export function programName(clientId: string): string {
  return findKnownProgram(clientId)?.name ?? clientId;
}

const REDIRECT_URI = /^http:\/\/localhost:([1-9]\d{0,4})\/callback$/;

/**
 * Reports whether a code can be sent to this address: the person's own machine, on any port that the program found free
 * (RFC 8252 §7.3). Compared as text: URL parsers accept forms that the programs do not send.
 */
export function isRedirectUri(text: string): boolean {
  const port = REDIRECT_URI.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}
