import { OauthClient } from '@culvert/client';
import type { CommandContext } from '../command-context.js';

/** Deletes the stored sign-in, even if ending it at the server fails. */
export async function logout({ output, settings, http }: CommandContext): Promise<void> {
  const { url, credentials } = settings;
  const stored = credentials.find(url);
  await credentials.remove(url);
  if (stored?.kind === 'tokens') {
    try {
      await new OauthClient(url, http).revoke(stored.refreshToken);
    } catch (error) {
      output.note(
        'You are signed out on this machine, but Culvert could not end the sign-in. End it in your dashboard profile.',
      );
      throw error;
    }
  }
  output.result({ url, wasSignedIn: stored !== null }, () =>
    output.line(stored === null ? `You were not signed in at ${url}.` : `Signed out at ${url}.`),
  );
  if (stored?.kind === 'api-key')
    output.note(
      'The API key itself still works. To revoke it, sign in with another key and run "culvert keys revoke".',
    );
  if (settings.apiKey !== null) output.note('The API key in the environment is still used.');
}
