import type { MemberCredentialKind } from '@culvert/terms';

/** A credential that works and that was made by the power of one person. */
export interface MemberCredential {
  readonly kind: MemberCredentialKind;
  readonly id: string;
  /** What people call it; the address of an invitation. */
  readonly name: string;
  /** The preview that a share link or token opens; null for the other kinds. */
  readonly preview: { readonly id: string; readonly hostname: string } | null;
  readonly createdAt: Date;
  /** Null: never. */
  readonly expiresAt: Date | null;
}
