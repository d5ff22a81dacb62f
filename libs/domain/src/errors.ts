/** The chosen hostname belongs to another preview. */
export class HostnameTakenError extends Error {
  readonly code = 'HOSTNAME_TAKEN';
  constructor(readonly hostname: string) {
    super(`hostname ${hostname} is taken`);
  }
}

/** The team already has an intercept of this id. */
export class InterceptIdTakenError extends Error {
  readonly code = 'INTERCEPT_ID_TAKEN';
  constructor(readonly interceptId: string) {
    super(`intercept id ${interceptId} is taken`);
  }
}

/** A page was asked for with a cursor that no page ended with. */
export class InvalidCursorError extends Error {
  readonly code = 'INVALID_CURSOR';
  constructor() {
    super('the cursor is not one that a page ended with');
  }
}

/** Text that cannot be stored as it is: it contains NUL or half a surrogate pair, or is longer than its column. */
export class InvalidTextError extends Error {
  readonly code = 'INVALID_TEXT';
  constructor(options?: ErrorOptions) {
    super('text contains NUL or a lone surrogate, or is too long', options);
  }
}

/** The store could not be asked, or did not answer in time. The same may work a moment later. */
export class StoreUnavailableError extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('the database does not answer', options);
  }
}

/** After how many seconds it is worth asking again. */
export const STORE_RETRY_SECONDS = 5;

/** The team has as many of them as it may. */
export class TeamLimitError extends Error {
  readonly code = 'TEAM_LIMIT';
  constructor(
    readonly thing:
      | 'previews'
      | 'sessions'
      | 'members'
      | 'invitations'
      | 'api keys'
      | 'teams'
      | 'share links'
      | 'preview tokens',
    readonly max: number,
  ) {
    super(`the team has reached its limit of ${max} ${thing}`);
  }
}
