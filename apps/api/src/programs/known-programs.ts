/**
 * The programs that people may allow to act for them. Public clients (RFC 6749 §2.1): whoever has the program has all
 * that it knows, so nothing here is secret and PKCE alone binds a code to who asked for it.
 */
export interface Program {
  readonly clientId: string;
  /** What people call it. */
  readonly name: string;
}

const PROGRAMS: readonly Program[] = [
  { clientId: 'telepresence-cli', name: 'Telepresence' },
  { clientId: 'docker-desktop', name: 'Telepresence for Docker Desktop' },
];

export function findProgram(clientId: string | undefined): Program | null {
  return PROGRAMS.find((program) => program.clientId === clientId) ?? null;
}

/** The same, also for a grant of a program that this version does not know. */
export function programName(clientId: string): string {
  return findProgram(clientId)?.name ?? clientId;
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
