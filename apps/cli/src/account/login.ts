import { hostname } from 'node:os';
import { addAbortSignal } from 'node:stream';
import { keyCredential } from '@culvert/api-client';
import {
  checkApiKey,
  isLoopback,
  type StoredCredential,
  type StoredTokens,
  unreachable,
} from '@culvert/client';
import { createApi } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { printQrCodeAsNote } from '../output/qr-code.js';
import { DeviceSignIn } from './device-sign-in.js';
import { hasBrowser, openBrowser } from './open-browser.js';
import { serverVersion } from '../status/server-version.js';
import { SignIn } from './sign-in.js';
import { identityOf, nameOf } from './whoami.js';

export interface LoginFlags {
  readonly apikey?: string;
  readonly browser: boolean;
  readonly device?: boolean;
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
      ? await signIn(context, flags)
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

async function signIn(context: CommandContext, flags: LoginFlags): Promise<StoredTokens> {
  await askServer(context);
  const isAsked = flags.device === true;
  if (!isAsked && (!flags.browser || hasBrowser(context.env))) return signInHere(context, flags.browser);
  const tokens = await signInElsewhere(context);
  if (tokens !== null) return tokens;
  if (isAsked) {
    throw new CliError(EXIT.failure, `${context.settings.url} is too old to sign in by a code`, {
      hint: 'Sign in with an API key: culvert login --apikey -',
    });
  }
  context.output.note('If your browser is on another machine, sign in with a key: culvert login --apikey -');
  return signInHere(context, false);
}

/** Signs in with a browser that reaches this machine. */
function signInHere(
  { output, settings, http, signal, env }: CommandContext,
  withBrowser: boolean,
): Promise<StoredTokens> {
  const show = (address: string): void => {
    const opens = withBrowser && openBrowser(address, env);
    output.note(
      opens
        ? 'Your browser opens to sign in. If it does not, open:'
        : 'Open this URL in your browser to sign in:',
    );
    output.note(`  ${address}`);
  };
  return new SignIn(settings.url, http).withBrowser(show, signal);
}

/** Signs in by a code that the person enters in any browser. Null if this version of Culvert cannot do that. */
async function signInElsewhere({ output, settings, http, signal }: CommandContext) {
  const device = new DeviceSignIn(settings.url, http);
  const codes = await device.begin(hostname(), signal);
  if (codes === null) return null;
  output.note('To sign in, open this URL in a browser on any machine, or on your phone:');
  output.note(`  ${codes.verificationUri}`);
  output.note('Enter this code:');
  output.note(`  ${codes.userCode}`);
  if (output.isWatched && !output.isForPrograms) await printQrCodeAsNote(output, codes.completeUri);
  output.note(
    `Waiting until you allow it there. The code works for ${Math.round(codes.lifetimeMs / 60_000)} minutes.`,
  );
  return device.wait(codes, signal, () =>
    output.note(`${settings.url} does not answer. Trying again until the code expires.`),
  );
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
