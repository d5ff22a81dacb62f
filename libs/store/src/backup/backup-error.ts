/** A backup or a restore cannot be made. The message is for the operator: what is wrong, and what would be right. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}
