import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/**
 * Reads `LOCAL[:REMOTE]`: a local port, and a port of the workload by number or name ('' for all of them). @throws CliError
 */
export function readPortFlag(text: string): { readonly local: number; readonly remote: string } {
  const at = text.indexOf(':');
  const [localText, remote] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  const local = Number(localText);
  const isLocal = /^\d{1,5}$/.test(localText) && local >= 1 && local <= 65_535;
  const isRemote = remote === '' ? at < 0 : /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(remote);
  if (isLocal && isRemote) return { local, remote };
  throw new CliError(EXIT.usage, `--port: "${text}" is not LOCAL or LOCAL:REMOTE`, {
    hint: 'For example 8080, 8080:80 or 8080:http. "culvert list" shows the ports of workloads.',
  });
}
