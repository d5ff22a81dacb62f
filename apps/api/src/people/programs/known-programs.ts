import { CULVERT_CLIENT_ID } from '@culvert/domain';

/**
 * The programs that people may allow to act for them. Public clients (RFC 6749 §2.1): whoever has the program has all
 * that it knows, so nothing here is secret and PKCE alone binds a code to who asked for it.
 */
export interface KnownProgram {
  readonly clientId: string;
  /** What people call it. */
  readonly name: string;
  /** What it will do with the consent it asks for: a sentence for the person. */
  readonly purpose: string;
}

const TELEPRESENCE_PURPOSE = 'It will create previews and make API keys for itself.';

const PROGRAMS: readonly KnownProgram[] = [
  {
    clientId: CULVERT_CLIENT_ID,
    name: 'The culvert command',
    purpose: 'It will manage previews, intercepts, connections and API keys as you may.',
  },
  { clientId: 'telepresence-cli', name: 'Telepresence', purpose: TELEPRESENCE_PURPOSE },
  {
    clientId: 'docker-desktop',
    name: 'Telepresence for Docker Desktop',
    purpose: TELEPRESENCE_PURPOSE,
  },
];

export function findKnownProgram(clientId: string | undefined): KnownProgram | null {
  return PROGRAMS.find((program) => program.clientId === clientId) ?? null;
}

/** The same, also for a program that this version does not know. */
export function programName(clientId: string): string {
  return findKnownProgram(clientId)?.name ?? clientId;
}

const REDIRECT_URI = /^http:\/\/localhost:([1-9]\d{0,4})\/callback$/;

/**
 * Whether a code may be sent to this address: the person's own machine, on whatever port the program found free
 * (RFC 8252 §7.3). Compared as text: what a URL parser would forgive is not what the programs send.
 */
export function isRedirectUri(text: string): boolean {
  const port = REDIRECT_URI.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}
