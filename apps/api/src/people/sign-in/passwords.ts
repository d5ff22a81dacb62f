import { newPassword } from '@culvert/contract';
import { hash, verify } from '@node-rs/argon2';

/** RFC 9106 §4 recommends more memory than small machines can spare; this is OWASP's smaller choice. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Reads a new password from a form. If it is not valid, returns the reason as a sentence for people. */
export function readNewPassword(
  value: unknown,
):
  | { readonly password: string; readonly problem?: undefined }
  | { readonly problem: string; readonly password?: undefined } {
  const read = newPassword.safeParse(value);
  if (read.success) return { password: read.data };
  return { problem: `The password ${read.error.issues[0]?.message ?? 'is not valid'}.` };
}

/** Returns an argon2id PHC string. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, ARGON2);
}

// Hash to compare with if there is no account, so that the answer takes as long.
const nobody = hashPassword('');

/** Reports whether `password` matches this hash. Takes as long, and returns false, if there is none (null). */
export async function isPassword(password: string, passwordHash: string | null): Promise<boolean> {
  const isSame = await verify(passwordHash ?? (await nobody), password);
  return isSame && passwordHash !== null;
}
