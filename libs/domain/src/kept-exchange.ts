/** A data key of one preview's kept exchanges, sealed with a key of the environment. */
export interface KeptExchangeKey {
  readonly id: string;
  /** ID of the key that it is sealed with. */
  readonly sealedWith: string;
  readonly sealed: Uint8Array;
}

/** An exchange to keep, or a number of exchanges that were left out. */
export interface KeptExchangeDraft {
  /** ID of the exchange: a UUID. */
  readonly id: string;
  readonly startedAt: Date;
  /** Number of exchanges that were left out; 0: this is an exchange. */
  readonly omitted: number;
  /** Data key of the sealed fields; null: there are none. */
  readonly keyId: string | null;
  readonly sealed: Uint8Array | null;
  readonly sealedBodies: Uint8Array | null;
}

export interface KeptExchange extends Omit<KeptExchangeDraft, 'sealedBodies'> {
  readonly keptAt: Date;
  readonly expiresAt: Date;
  readonly hasBodies: boolean;
  /** Null unless bodies were asked for and there are any. */
  readonly sealedBodies: Uint8Array | null;
  /** Cursor of the page that begins after this one. */
  readonly cursor: string;
}

/** Exchanges of one preview that an edge recorded under one version of the policy. */
export interface KeptExchangeBatch {
  readonly policyVersion: number;
  readonly at: Date;
  readonly drafts: readonly KeptExchangeDraft[];
}

export interface KeptExchangePage {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly withBodies: boolean;
  /** Exchanges that began at this moment or later. */
  readonly from?: Date | undefined;
  /** Exchanges that began before this moment. */
  readonly until?: Date | undefined;
  /** Exchanges that have expired at this moment are left out. */
  readonly now: Date;
}
