import { API_KEY } from '../support/deployment.js';
import { startProgram } from '../support/process.js';
import type { CulvertEdge } from './culvert.js';
import type { Scope } from './scope.js';

/**
 * Opens idle tunnels to an edge, from processes of their own; resolves when all are open.
 * @returns a check that throws if one of them has closed meanwhile
 */
export async function openIdleTunnels(
  scope: Scope,
  edge: Pick<CulvertEdge, 'url'>,
  options: { readonly count: number; readonly prefix: string; readonly processes: number },
): Promise<() => void> {
  const { count, prefix, processes } = options;
  const holders = Array.from({ length: processes }, (_, index) =>
    scope.keep(
      startProgram('test/bench/processes/idle-tunnels.js', {
        URL: edge.url,
        API_KEY,
        PREFIX: `${prefix}-${index}`,
        COUNT: String(Math.ceil(count / processes)),
      }),
    ),
  );
  await Promise.all(holders.map((holder) => holder.line(/^Open$/m)));
  return () => {
    const ended = holders.find((holder) => holder.stderr !== '');
    if (ended !== undefined) throw new Error(ended.stderr.trim());
  };
}
