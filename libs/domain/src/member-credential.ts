import type { MemberCredentialKind } from '@culvert/terms';

/** A working credential that was created with the permissions of one person. */
export interface MemberCredential {
  readonly kind: MemberCredentialKind;
  readonly id: string;
  /** Name that people see; the address of an invitation. */
  readonly name: string;
  /** Preview that a share link or token opens; null for the other kinds. */
  readonly preview: { readonly id: string; readonly hostname: string } | null;
  readonly createdAt: Date;
  /** Time when it expires; null: never. */
  readonly expiresAt: Date | null;
}
