import { z } from 'zod';

const MAX_PASSWORD_LENGTH = 256;

/** Email address as typed; parsed to lower case. */
export const emailAddress = z
  .string()
  .trim()
  .toLowerCase()
  .max(254, 'must be at most 254 characters long')
  .pipe(z.email('must be an email address'));

const currentPassword = z.string().min(1, 'must not be empty').max(MAX_PASSWORD_LENGTH);

export const newPassword = z
  .string()
  .min(8, 'must be at least 8 characters long')
  .max(MAX_PASSWORD_LENGTH, `must be at most ${MAX_PASSWORD_LENGTH} characters long`);

export const signInRequest = z.strictObject({ email: emailAddress, password: currentPassword });
export type SignInRequest = z.output<typeof signInRequest>;

export const changePasswordRequest = z.strictObject({ currentPassword, newPassword });
export type ChangePasswordRequest = z.output<typeof changePasswordRequest>;
