import { newPassword } from '@culvert/contract';
import { hash, verify } from '@node-rs/argon2';

/** RFC 9106 §4 asks for more memory than small machines have to spare; this is OWASP's smaller choice. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A new password as a form sends it, or why it cannot be one, as a sentence for people. */
export function readNewPassword(
  value: unknown,
):
  | { readonly password: string; readonly problem?: undefined }
  | { readonly problem: string; readonly password?: undefined } {
  const read = newPassword.safeParse(value);
  if (read.success) return { password: read.data };
  return { problem: `The password ${read.error.issues[0]?.message ?? 'is not valid'}.` };
}

/** An argon2id PHC string. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, ARGON2);
}

// Compared with when there is no password to compare with, so that the answer takes as long.
const nobody = hashPassword('');

/** Whether `password` is the one of this hash; takes as long when there is none (null), and is false then. */
export async function isPassword(password: string, passwordHash: string | null): Promise<boolean> {
  const isSame = await verify(passwordHash ?? (await nobody), password);
  return isSame && passwordHash !== null;
}
