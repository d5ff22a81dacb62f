import { ClientError, credentialSource } from '@culvert/client';
import type { InterceptInfo, WorkloadInfo } from '@culvert/meeting-point';
import type { Intercept } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { wordOfState } from '../intercept/states.js';
import type { ManagerFlags } from '../intercept/intercept-flags.js';
import type { Output } from '../output/output.js';

export interface ListFlags extends ManagerFlags {
  readonly workloads?: boolean;
}

/** An intercept as `list` shows it, reported by Culvert or by a cluster. */
type Listed = Pick<
  Intercept,
  'workload' | 'namespace' | 'name' | 'client' | 'disposition' | 'message' | 'headers'
> & { readonly previews: readonly string[] };

/** Prints intercepts and their states, as Culvert and a cluster report them. */
export async function list(context: CommandContext, flags: ListFlags): Promise<void> {
  const { output } = context;
  const cluster = await listCluster(context, flags);
  if (flags.workloads === true) {
    const { workloads } = cluster ?? refuseWithoutCluster();
    output.result(workloads, () => showWorkloads(output, workloads));
    return;
  }
  const known = await listKnown(context, cluster !== null);
  const ids = new Set(known.map(({ id }) => id));
  // Intercepts that Culvert does not know yet, or that belong to another team's cluster.
  const others =
    cluster?.intercepts.filter(({ culvertId }) => culvertId === null || !ids.has(culvertId)) ?? [];
  const intercepts: Listed[] = [...known, ...others.map(describe)];
  output.result(intercepts, () => {
    if (cluster !== null) {
      showWorkloads(output, cluster.workloads);
      output.line('');
    }
    showIntercepts(output, intercepts);
  });
}

/** Null without a URL. */
async function listCluster(context: CommandContext, flags: ListFlags) {
  const { findManagerUrl, listMeetingPoint } = await import('../intercept/list-meeting-point.js');
  const url = findManagerUrl(flags, context.env);
  return url === null ? null : listMeetingPoint(context, url);
}

/** @param isOptional whether the list makes sense without a sign-in */
async function listKnown(context: CommandContext, isOptional: boolean) {
  if (isOptional && !isSignedIn(context)) return [];
  const { api } = context;
  const [intercepts, previews] = await Promise.all([api.list('listIntercepts'), api.list('listPreviews')]);
  return intercepts.map((intercept) => ({
    ...intercept,
    previews: previews.filter(({ interceptId }) => interceptId === intercept.id).map(({ url }) => url),
  }));
}

function refuseWithoutCluster(): never {
  throw new CliError(EXIT.usage, "the URL of the cluster's traffic manager is not set", {
    hint: 'Set --manager, for example --manager http://localhost:8085.',
  });
}

function isSignedIn({ settings }: CommandContext): boolean {
  try {
    return credentialSource(settings) !== null;
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_signed_in') return false;
    throw error;
  }
}

function describe({
  workload,
  namespace,
  name,
  client,
  disposition,
  message,
  headers,
}: InterceptInfo): Listed {
  const values = headers.map((rule) => [rule.name, 'value' in rule ? rule.value : rule.pattern] as const);
  return {
    workload,
    namespace,
    name,
    client,
    disposition,
    message,
    headers: Object.fromEntries(values),
    previews: [],
  };
}

function showWorkloads(output: Output, workloads: readonly WorkloadInfo[]): void {
  output.table(
    ['WORKLOAD', 'NAMESPACE', 'KIND', 'AGENTS', 'PORTS'],
    workloads.map(({ workload, namespace, kind, agents, ports }) => [
      workload,
      namespace,
      kind,
      String(agents),
      ports.map(({ name, port }) => (name === '' ? String(port) : `${name}:${port}`)).join(', '),
    ]),
    'No workload of the cluster has a traffic agent.',
  );
}

function showIntercepts(output: Output, intercepts: readonly Listed[]): void {
  output.table(
    ['WORKLOAD', 'NAMESPACE', 'INTERCEPT', 'CLIENT', 'STATE', 'HEADERS', 'PREVIEWS'],
    intercepts.map(({ workload, namespace, name, client, disposition, message, headers, previews }) => [
      workload,
      namespace,
      name,
      client,
      message === '' ? wordOfState(disposition) : `${wordOfState(disposition)}: ${message}`,
      Object.entries(headers)
        .map(([header, value]) => `${header}=${value}`)
        .join(', '),
      previews.join(', '),
    ]),
    'Nothing is intercepted.',
  );
}
