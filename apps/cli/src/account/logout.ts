import type { CommandContext } from '../command-context.js';
import { SignIn } from './sign-in.js';

/** Forgets the sign-in here, whatever becomes of ending it at the server. */
export async function logout({ output, settings, http }: CommandContext): Promise<void> {
  const { url, credentials } = settings;
  const stored = credentials.find(url);
  await credentials.remove(url);
  if (stored?.kind === 'tokens') {
    try {
      await new SignIn(url, http).revoke(stored.refreshToken);
    } catch (error) {
      output.note(
        'The sign-in is forgotten here. At the server it goes on: your profile in the dashboard ends it.',
      );
      throw error;
    }
  }
  output.result({ url, wasSignedIn: stored !== null }, () =>
    output.line(stored === null ? `Nobody was signed in at ${url}.` : `Signed out at ${url}.`),
  );
  if (stored?.kind === 'api-key')
    output.note('The API key itself still works: "culvert keys revoke" ends it, with another one.');
  if (settings.apiKey !== null) output.note('The API key in the environment is still used.');
}
