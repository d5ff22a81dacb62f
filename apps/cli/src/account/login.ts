import { checkApiKey, isLoopback, type StoredCredential, unreachable } from '@culvert/client';
import { addAbortSignal } from 'node:stream';
import { keyCredential } from '@culvert/api-client';
import { createApi, serverVersion } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { openBrowser } from './open-browser.js';
import { SignIn } from './sign-in.js';
import { identityOf, nameOf } from './whoami.js';

export interface LoginFlags {
  readonly apikey?: string;
  readonly browser: boolean;
}

/** Short: a person waits at the prompt. */
const SERVER_TIMEOUT_MS = 10_000;
/** Room for a key and its line break. */
const MAX_STDIN_BYTES = 4096;

export async function login(context: CommandContext, flags: LoginFlags): Promise<void> {
  const { output, settings } = context;
  const { url } = settings;
  if (url.startsWith('http:') && !isLoopback(new URL(url)))
    output.note(`Warning: ${url} is not encrypted. Anyone who can read the traffic can act as you.`);
  const credential =
    flags.apikey === undefined
      ? await signIn(context, flags.browser)
      : ({ kind: 'api-key', apiKey: await readKey(context, flags.apikey) } as const);
  const identity = identityOf(url, await verify(context, credential));
  await settings.credentials.store(url, credential);
  output.result(identity, () =>
    output.line(`Signed in at ${url} as ${nameOf(identity)}, team ${identity.team?.name ?? 'none'}.`),
  );
  if (settings.apiKey !== null)
    output.note(
      'The API key in the environment takes precedence over this sign-in. Unset it to use the sign-in.',
    );
}

async function signIn(context: CommandContext, withBrowser: boolean) {
  const { output, settings, http, signal, env } = context;
  await askServer(context);
  const show = (address: string): void => {
    const opens = withBrowser && openBrowser(address, env);
    output.note(
      opens
        ? 'Your browser opens to sign in. If it does not, open:'
        : 'Open this URL in your browser to sign in:',
    );
    output.note(`  ${address}`);
    if (withBrowser && !opens)
      output.note('If your browser is on another machine, sign in with a key: culvert login --apikey -');
  };
  return new SignIn(settings.url, http).withBrowser(show, signal);
}

/**
 * Checks that Culvert answers at the URL before sending a person there to sign in.
 * @throws CliError with `unreachable` if it does not
 */
async function askServer({ settings, http, signal }: CommandContext): Promise<void> {
  // Refused for lack of a credential, which only Culvert words as it does.
  const bearer = keyCredential(() => Promise.resolve('none'));
  const inTime = AbortSignal.timeout(SERVER_TIMEOUT_MS);
  const api = createApi({
    url: settings.url,
    http,
    bearer,
    signInHint: '',
    signal: AbortSignal.any([signal, inTime]),
  });
  try {
    await serverVersion(api);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (inTime.aborted) throw unreachable(settings.url, inTime.reason);
    if (!(error instanceof CliError) || error.exitCode !== EXIT.notSignedIn) throw error;
  }
}

/** @throws CliError if Culvert does not accept the credential */
function verify({ settings, http, signal }: CommandContext, credential: StoredCredential) {
  const secret = credential.kind === 'api-key' ? credential.apiKey : credential.accessToken;
  const bearer = keyCredential(() => Promise.resolve(secret));
  const signInHint =
    credential.kind === 'api-key'
      ? 'Check that the key is complete, and of a team of this server. The dashboard shows whether it was revoked or has expired.'
      : 'Run "culvert login" again.';
  return createApi({ url: settings.url, http, bearer, signInHint, signal }).call('getMe');
}

async function readKey({ stdin, output, signal }: CommandContext, given: string): Promise<string> {
  if (given !== '-') {
    output.note(
      'Note: other users of this machine can see command lines. Use "--apikey -" to read the key from stdin.',
    );
    return checkApiKey(given, '--apikey');
  }
  if (stdin.isTTY === true) output.note('Paste the API key, then press Enter and Ctrl-D:');
  let text = '';
  for await (const chunk of addAbortSignal(signal, stdin) as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > MAX_STDIN_BYTES) break;
  }
  if (text.trim() === '') {
    throw new CliError(EXIT.usage, 'stdin contains no API key', {
      hint: 'For example: culvert login --apikey - < key-file',
    });
  }
  return checkApiKey(text.trim(), 'the text on stdin');
}
