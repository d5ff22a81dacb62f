/** The chosen hostname belongs to another preview. */
export class HostnameTakenError extends Error {
  readonly code = 'HOSTNAME_TAKEN';
  constructor(readonly hostname: string) {
    super(`hostname ${hostname} is taken`);
  }
}
