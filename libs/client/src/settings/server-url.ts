import { ClientError } from '../client-error.js';

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Normalizes the URL of Culvert: no slash at its end, and https if no scheme is given (http for this machine).
 * @param source the flag or variable that it comes from
 * @throws ClientError
 */
export function readServerUrl(text: string, source: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const refuse = (): never => {
    throw new ClientError('usage', `${source} must be the URL of Culvert, not "${text}"`, {
      hint: 'For example https://culvert.example.com.',
    });
  };
  if (!URL.canParse(hasScheme ? text : `https://${text}`)) return refuse();
  const url = new URL(hasScheme ? text : `https://${text}`);
  if (!hasScheme && isLoopback(url)) return readServerUrl(`http://${text}`, source);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!/^https?:$/.test(url.protocol) || !isPlain) return refuse();
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Whether traffic to this URL stays on this machine. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}
