/** The chosen hostname belongs to another preview. */
export class HostnameTakenError extends Error {
  readonly code = 'HOSTNAME_TAKEN';
  constructor(readonly hostname: string) {
    super(`hostname ${hostname} is taken`);
  }
}

/** The team already has an intercept with this ID. */
export class InterceptIdTakenError extends Error {
  readonly code = 'INTERCEPT_ID_TAKEN';
  constructor(readonly interceptId: string) {
    super(`intercept id ${interceptId} is taken`);
  }
}

/** The cursor of a request does not belong to any page. */
export class InvalidCursorError extends Error {
  readonly code = 'INVALID_CURSOR';
  constructor() {
    super('the cursor does not belong to any page (use nextCursor of the previous page)');
  }
}

/** A traffic manager of another cluster is connected under the same manager id. */
export class ManagerIdTakenError extends Error {
  readonly code = 'MANAGER_ID_TAKEN';
  constructor(
    readonly managerId: string,
    /** The traffic manager that has the id, and where it is connected from. */
    readonly holder: {
      readonly id: string;
      readonly name: string;
      readonly clusterId: string;
      readonly remoteAddress: string;
    },
  ) {
    super(
      `a traffic manager of the cluster "${holder.clusterId}" is connected as "${managerId}" from ${holder.remoteAddress}`,
    );
  }
}

/** Text that cannot be stored unchanged: it contains NUL or half a surrogate pair, or is longer than its column. */
export class InvalidTextError extends Error {
  readonly code = 'INVALID_TEXT';
  constructor(options?: ErrorOptions) {
    super('text contains NUL or a lone surrogate, or is too long', options);
  }
}

/** The store could not be reached, or did not answer in time. Trying again may work. */
export class StoreUnavailableError extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('the database does not answer', options);
  }
}

/** Seconds after which it is worth trying again. */
export const STORE_RETRY_SECONDS = 5;

/** The team has reached its limit. */
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
      | 'preview tokens'
      | 'webhooks'
      | 'workload identities',
    readonly max: number,
  ) {
    super(`the team has reached its limit of ${max} ${thing}`);
  }
}
