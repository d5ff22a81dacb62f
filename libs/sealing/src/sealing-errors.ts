/** The key with which the data was sealed is not in the ring. */
export class UnknownKeyError extends Error {
  override readonly name = 'UnknownKeyError';

  /** @param keyId ID of the missing key, as `KeyRing.currentId` shows it */
  constructor(readonly keyId: string) {
    super(`encryption key ${keyId} is not configured`);
  }
}

/** The data was changed, cut short, or sealed for another place. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError';

  constructor(options?: ErrorOptions) {
    super('sealed data was changed, or belongs to another record', options);
  }
}
