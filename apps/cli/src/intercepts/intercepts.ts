/** What the commands for intercepts do. */
import type { updateInterceptRequest } from '@culvert/contract';
import type { Disposition } from '@culvert/terms';
import type { z } from 'zod';
import type { Intercept } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findTrafficManagerId } from '../find/find-traffic-manager.js';
import { wordOfState } from '../intercept/states.js';
import type { Output } from '../output/output.js';
import { showTime } from '../output/readable.js';
import { findIntercept } from './find-intercept.js';

export interface ListFlags {
  readonly trafficManager?: string;
}

/** The flags for fields that can change. */
export interface InterceptFields {
  readonly workload?: string;
  readonly namespace?: string;
  readonly workloadKind?: string;
  readonly client?: string;
  readonly mechanism?: string;
  readonly mechanismArg?: string[];
  readonly targetHost?: string;
  readonly targetPort?: number;
  readonly service?: string;
  readonly servicePort?: string;
  readonly disposition?: Disposition;
  readonly message?: string;
  readonly metadata?: Record<string, string>;
  readonly header?: Record<string, string>;
}

export interface CreateFlags extends InterceptFields {
  readonly workload: string;
  readonly trafficManager?: string;
}

export async function listIntercepts(
  { api, output }: CommandContext,
  { trafficManager }: ListFlags,
): Promise<void> {
  const trafficManagerId = await findTrafficManagerId(api, trafficManager);
  const items = await api.list('listIntercepts', { query: { trafficManagerId } });
  output.result(items, () =>
    output.table(
      ['NAME', 'WORKLOAD', 'NAMESPACE', 'CLIENT', 'STATE', 'ID'],
      items.map(({ name, workload, namespace, client, disposition, id }) => [
        name,
        workload,
        namespace,
        client,
        wordOfState(disposition),
        id,
      ]),
      'Culvert knows no intercepts of the team.',
    ),
  );
}

export async function showIntercept({ api, output }: CommandContext, reference: string): Promise<void> {
  const intercept = await findIntercept(api, reference);
  output.result(intercept, () => showDetails(output, intercept));
}

export async function createIntercept(
  { api, output }: CommandContext,
  name: string,
  { trafficManager, workload, ...flags }: CreateFlags,
): Promise<void> {
  const trafficManagerId = await findTrafficManagerId(api, trafficManager);
  const body = {
    name,
    ...fieldsOf(flags),
    workload,
    ...(trafficManagerId !== undefined && { trafficManagerId }),
  };
  const intercept = await api.call('createIntercept', { body });
  output.result(intercept, () => output.line(intercept.id));
}

export async function updateIntercept(
  { api, output }: CommandContext,
  reference: string,
  flags: InterceptFields,
): Promise<void> {
  const body = fieldsOf(flags);
  if (Object.keys(body).length === 0) {
    throw new CliError(EXIT.usage, 'nothing to change', {
      hint: 'Give a flag for each field to change. "culvert intercepts update --help" lists them.',
    });
  }
  const { id } = await findIntercept(api, reference);
  const intercept = await api.call('updateIntercept', { interceptId: id, body });
  output.result(intercept, () => output.line(`Changed ${intercept.name} (${intercept.id})`));
}

export async function removeIntercepts({ api, output }: CommandContext, references: string[]): Promise<void> {
  const removed: Intercept[] = [];
  // Finds all of them first, so that a mistyped name removes nothing.
  for (const reference of references) removed.push(await findIntercept(api, reference));
  for (const { id } of removed) await api.call('deleteIntercept', { interceptId: id });
  output.result(removed, () => {
    for (const { id, name } of removed) output.line(`Removed ${name} (${id})`);
  });
}

type Request = z.input<typeof updateInterceptRequest>;

/** Returns the fields of the API for the flags that are given. */
function fieldsOf(flags: InterceptFields): Request {
  const fields: Request = {
    workload: flags.workload,
    namespace: flags.namespace,
    workloadKind: flags.workloadKind,
    client: flags.client,
    mechanism: flags.mechanism,
    mechanismArgs: flags.mechanismArg,
    targetHost: flags.targetHost,
    targetPort: flags.targetPort,
    serviceName: flags.service,
    servicePortIdentifier: flags.servicePort,
    disposition: flags.disposition,
    message: flags.message,
    metadata: flags.metadata,
    headers: flags.header,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function showDetails(output: Output, intercept: Intercept): void {
  const target = [intercept.targetHost, intercept.targetPort || ''].filter(Boolean).join(':');
  output.fields([
    ['Name', intercept.name],
    ['Id', intercept.id],
    ['Workload', `${intercept.workloadKind} ${intercept.workload} in ${intercept.namespace}`],
    ['Client', intercept.client],
    ['State', wordOfState(intercept.disposition)],
    ['Message', intercept.message],
    ['Mechanism', [intercept.mechanism, ...intercept.mechanismArgs].join(' ').trim()],
    ['Headers', pairs(intercept.headers)],
    ['Target', target],
    ['Service', [intercept.serviceName, intercept.servicePortIdentifier].filter(Boolean).join(':')],
    ['Metadata', pairs(intercept.metadata)],
    ['Removed preview', intercept.removedPreview?.hostname ?? null],
    ['Created', showTime(intercept.createdAt)],
    ['Changed', showTime(intercept.updatedAt)],
  ]);
}

function pairs(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
