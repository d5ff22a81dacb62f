import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The address of Culvert as people write it, in one form: without a slash at its end, https where nothing else is said
 * (http on this machine itself).
 * @param source the flag or variable that it comes from
 * @throws CliError
 */
export function readServerUrl(text: string, source: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const refuse = (): never => {
    throw new CliError(EXIT.usage, `${source} must be the address of Culvert; it is "${text}"`, {
      hint: 'Such as https://culvert.example.com.',
    });
  };
  if (!URL.canParse(hasScheme ? text : `https://${text}`)) return refuse();
  const url = new URL(hasScheme ? text : `https://${text}`);
  if (!hasScheme && isLoopback(url)) return readServerUrl(`http://${text}`, source);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!/^https?:$/.test(url.protocol) || !isPlain) return refuse();
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Whether what is sent there stays on this machine. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}
