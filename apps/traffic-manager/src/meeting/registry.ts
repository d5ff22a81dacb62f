/**
 * Agents, clients and their intercepts at the meeting point, and which client gets which requests. No I/O: connections are
 * passed in, and it calls them. docs/cluster.md §2 defines each disposition.
 */
import { createHash } from 'node:crypto';
import { checkRules, RuleError, sameRules, showRule } from '@culvert/intercepts';
import type {
  Announcement,
  Disposition,
  InterceptDraft,
  InterceptInfo,
  LookedFor,
  RefusalCode,
  WorkloadInfo,
} from '@culvert/meeting-point';
import type { Tunnel } from '@culvert/tunnel';

const MAX_PER_CLIENT = 32;
const MAX_PER_WORKLOAD = 64;

/**
 * Limit of bytes of the header rules of one workload's intercepts, as JSON: its agents receive them all in one control line.
 */
const MAX_RULE_BYTES = 131_072;

/** Receives the lines for one agent. */
export interface AgentPort {
  readonly id: string;
  readonly announcement: Announcement;
  sendIntercepts(revision: number, intercepts: readonly LookedFor[]): void;
}

/** Receives the lines and streams for one client. */
export interface ClientPort {
  /** The same after a restart; several processes may share it. */
  readonly id: string;
  readonly name: string;
  readonly tunnel: Tunnel;
  sendIntercept(intercept: InterceptInfo): void;
}

export type CreateResult =
  | { readonly ok: true; readonly intercept: InterceptInfo }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

export interface RegistryOptions {
  /** How long the intercepts of a disconnected client are kept, in milliseconds. */
  readonly clientGraceMs: number;
  /** Called when something that Culvert should know has changed. */
  readonly onChange: () => void;
}

interface Agent {
  readonly port: AgentPort;
  revision: number;
  appliedRevision: number;
  /** The last list sent, as text, to detect changes. */
  sent: string;
  /**
   * The entry of each intercept, as text, and the revision with which it was sent. The text leaves out Culvert's id, which
   * comes later and is accepted beside the first one, so that a confirmed entry stays confirmed.
   */
  readonly entries: Map<string, { readonly revision: number; readonly text: string }>;
  errors: ReadonlyMap<string, string>;
}

interface Intercept {
  readonly id: string;
  readonly sequence: number;
  readonly clientId: string;
  draft: InterceptDraft;
  clientName: string;
  /** The connections that hold the intercept, the newest last. */
  readonly holders: ClientPort[];
  removal: NodeJS.Timeout | null;
  culvertId: string | null;
  disposition: Disposition;
  message: string;
  /** The state last sent to its client. */
  shown: string;
}

export class Registry {
  private readonly agents = new Map<string, Agent>();
  private readonly intercepts = new Map<string, Intercept>();
  private sequence = 0;
  private isClosed = false;

  constructor(private readonly options: RegistryOptions) {}

  // --- Agents ---------------------------------------------------------------------------------------------

  /** A newer connection of an agent replaces an older one. */
  addAgent(port: AgentPort): void {
    this.agents.set(port.id, {
      port,
      revision: 0,
      appliedRevision: -1,
      sent: '',
      entries: new Map(),
      errors: new Map(),
    });
    this.update(workloadOf(port.announcement));
  }

  removeAgent(port: AgentPort): void {
    if (this.agents.get(port.id)?.port !== port) return;
    this.agents.delete(port.id);
    this.update(workloadOf(port.announcement));
  }

  handleApplied(
    port: AgentPort,
    revision: number,
    errors: readonly { readonly id: string; readonly message: string }[],
  ): void {
    const agent = this.agents.get(port.id);
    if (agent?.port !== port || revision > agent.revision) return;
    agent.appliedRevision = Math.max(agent.appliedRevision, revision);
    agent.errors = new Map(errors.map(({ id, message }) => [id, message]));
    this.update(workloadOf(port.announcement));
  }

  // --- Clients --------------------------------------------------------------------------------------------

  create(client: ClientPort, wanted: InterceptDraft): CreateResult {
    const checked = check(wanted);
    if (!checked.ok) return checked;
    const { draft } = checked;
    const id = idOf(client.id, draft);
    const workload = workloadOf(draft);
    const existing = this.intercepts.get(id);
    const conflict = this.findConflict(id, draft);
    if (conflict !== null && conflict.holders.length > 0) return refuseConflict(conflict, draft);
    const full = (existing ? null : this.limitOf(client, workload)) ?? this.ruleLimitOf(id, draft);
    if (full !== null) return { ok: false, code: 'LIMIT', message: full };
    // Its client is away, and this one wants the same: for example, a redeployed pod.
    if (conflict !== null) this.delete(conflict);
    const intercept = existing ?? this.add(id, client, draft);
    const before = workloadOf(intercept.draft);
    intercept.draft = draft;
    intercept.clientName = client.name;
    this.hold(intercept, client);
    if (before !== workload) this.update(before);
    this.update(workload);
    this.options.onChange();
    return { ok: true, intercept: infoOf(intercept) };
  }

  /** Null if this client has no such intercept. */
  remove(client: ClientPort, id: string): { readonly isLast: boolean } | null {
    const intercept = this.intercepts.get(id);
    if (intercept === undefined || intercept.clientId !== client.id) return null;
    drop(intercept.holders, client);
    const isLast = intercept.holders.length === 0;
    if (isLast) this.delete(intercept);
    return { isLast };
  }

  /** The connection is gone: intercepts that no other connection holds wait for their client to return. */
  removeClient(client: ClientPort): void {
    for (const intercept of this.intercepts.values()) {
      if (!drop(intercept.holders, client) || intercept.holders.length > 0) continue;
      intercept.removal = setTimeout(() => this.delete(intercept), this.options.clientGraceMs);
      intercept.removal.unref();
      this.update(workloadOf(intercept.draft));
    }
  }

  /** Returns the open tunnels for streams of an intercept, the newest first. Empty if its client is away. */
  tunnelsTo(id: string): readonly Tunnel[] {
    const holders = this.intercepts.get(id)?.holders ?? [];
    return holders
      .map(({ tunnel }) => tunnel)
      .filter(({ state }) => state === 'open')
      .toReversed();
  }

  // --- What people and Culvert see ------------------------------------------------------------------------

  list(): InterceptInfo[] {
    return [...this.intercepts.values()].map(infoOf);
  }

  workloads(): WorkloadInfo[] {
    const found = new Map<string, WorkloadInfo>();
    for (const { port } of this.agents.values()) {
      const { workload, namespace, kind, ports } = port.announcement;
      const key = workloadOf(port.announcement);
      const agents = (found.get(key)?.agents ?? 0) + 1;
      found.set(key, { workload, namespace, kind, agents, ports });
    }
    return [...found.values()];
  }

  /** Sets Culvert's id of an intercept; null if Culvert does not know it. */
  setCulvertId(id: string, culvertId: string | null): void {
    const intercept = this.intercepts.get(id);
    if (intercept === undefined || intercept.culvertId === culvertId) return;
    intercept.culvertId = culvertId;
    this.update(workloadOf(intercept.draft));
  }

  get counts(): { readonly agents: number; readonly intercepts: number } {
    return { agents: this.agents.size, intercepts: this.intercepts.size };
  }

  /** Nothing changes from now on. */
  close(): void {
    this.isClosed = true;
    for (const { removal } of this.intercepts.values()) if (removal !== null) clearTimeout(removal);
  }

  // --- Rules ----------------------------------------------------------------------------------------------

  private add(id: string, client: ClientPort, draft: InterceptDraft): Intercept {
    const intercept: Intercept = {
      id,
      sequence: this.sequence++,
      clientId: client.id,
      draft,
      clientName: client.name,
      holders: [],
      removal: null,
      culvertId: null,
      disposition: 'WAITING',
      message: '',
      shown: '',
    };
    this.intercepts.set(id, intercept);
    return intercept;
  }

  private hold(intercept: Intercept, client: ClientPort): void {
    if (intercept.removal !== null) clearTimeout(intercept.removal);
    intercept.removal = null;
    drop(intercept.holders, client);
    intercept.holders.push(client);
    // The client learns about it from the answer to its request.
    intercept.shown = '';
  }

  private delete(intercept: Intercept): void {
    if (this.isClosed) return;
    if (intercept.removal !== null) clearTimeout(intercept.removal);
    this.intercepts.delete(intercept.id);
    this.update(workloadOf(intercept.draft));
    this.options.onChange();
  }

  private findConflict(id: string, draft: InterceptDraft): Intercept | null {
    if (draft.headers.length === 0) return null;
    const workload = workloadOf(draft);
    for (const other of this.intercepts.values()) {
      if (
        other.id !== id &&
        workloadOf(other.draft) === workload &&
        (other.draft.port === '' || draft.port === '' || other.draft.port === draft.port) &&
        sameRules(other.draft.headers, draft.headers)
      )
        return other;
    }
    return null;
  }

  private limitOf(client: ClientPort, workload: string): string | null {
    let ofClient = 0;
    let ofWorkload = 0;
    for (const { clientId, draft } of this.intercepts.values()) {
      if (clientId === client.id) ofClient++;
      if (workloadOf(draft) === workload) ofWorkload++;
    }
    if (ofClient >= MAX_PER_CLIENT) return `a client can have at most ${MAX_PER_CLIENT} intercepts`;
    if (ofWorkload >= MAX_PER_WORKLOAD) return `a workload can have at most ${MAX_PER_WORKLOAD} intercepts`;
    return null;
  }

  /** @param id of the intercept that `draft` creates or changes */
  private ruleLimitOf(id: string, draft: InterceptDraft): string | null {
    const workload = workloadOf(draft);
    let bytes = JSON.stringify(draft.headers).length;
    for (const other of this.intercepts.values()) {
      if (other.id !== id && workloadOf(other.draft) === workload)
        bytes += JSON.stringify(other.draft.headers).length;
    }
    if (bytes <= MAX_RULE_BYTES) return null;
    return `the header rules of all intercepts of a workload can have at most ${MAX_RULE_BYTES} bytes`;
  }

  /** Sends the agents of a workload their changes, and the clients of its intercepts the resulting states. */
  private update(workload: string): void {
    if (this.isClosed) return;
    const agents = [...this.agents.values()].filter(({ port }) => workloadOf(port.announcement) === workload);
    const intercepts = [...this.intercepts.values()]
      .filter(({ draft }) => workloadOf(draft) === workload)
      .toSorted((a, b) => a.sequence - b.sequence);
    for (const agent of agents) tell(agent, intercepts);
    for (const intercept of intercepts) this.judge(intercept, agents);
  }

  private judge(intercept: Intercept, agents: readonly Agent[]): void {
    const [disposition, message] = dispositionOf(intercept, agents);
    const hasChanged = disposition !== intercept.disposition || message !== intercept.message;
    intercept.disposition = disposition;
    intercept.message = message;
    const shown = `${disposition} ${intercept.culvertId} ${message}`;
    const isNew = intercept.shown === '';
    if (shown !== intercept.shown) {
      intercept.shown = shown;
      if (!isNew) for (const holder of intercept.holders) holder.sendIntercept(infoOf(intercept));
    }
    if (hasChanged) this.options.onChange();
  }
}

/** Sends an agent its list, if it has changed. */
function tell(agent: Agent, intercepts: readonly Intercept[]): void {
  const list: LookedFor[] = [];
  for (const intercept of intercepts) {
    const port = intercept.holders.length === 0 ? null : portAt(agent, intercept.draft.port);
    if (port === null) continue;
    const acceptedIds = intercept.culvertId === null ? [intercept.id] : [intercept.id, intercept.culvertId];
    list.push({ id: intercept.id, port, headers: intercept.draft.headers, acceptedIds });
  }
  const text = JSON.stringify(list);
  if (text === agent.sent) return;
  agent.sent = text;
  agent.revision++;
  const current = new Map(list.map(({ id, port, headers }) => [id, JSON.stringify([port, headers])]));
  for (const id of agent.entries.keys()) if (!current.has(id)) agent.entries.delete(id);
  for (const [id, entry] of current) {
    if (agent.entries.get(id)?.text !== entry)
      agent.entries.set(id, { revision: agent.revision, text: entry });
  }
  agent.port.sendIntercepts(agent.revision, list);
}

/** Returns the agent's port for `wanted`: 0 for all, null if it has none. */
function portAt(agent: Agent, wanted: string): number | null {
  if (wanted === '') return 0;
  const found = agent.port.announcement.ports.find(
    ({ port, name }) => String(port) === wanted || (name !== '' && name === wanted),
  );
  return found?.port ?? null;
}

function dispositionOf(intercept: Intercept, agents: readonly Agent[]): [Disposition, string] {
  const { id, draft, holders, clientName, disposition } = intercept;
  const name = `${draft.kind} ${draft.workload} in ${draft.namespace}`;
  if (holders.length === 0) return ['NO_CLIENT', `${clientName} is not connected`];
  if (agents.length === 0) return ['NO_AGENT', `no traffic agent of ${name} is connected`];
  const concerned = agents.filter((agent) => portAt(agent, draft.port) !== null);
  if (concerned.length === 0) return ['NO_PORTS', `no traffic agent of ${name} has the port ${draft.port}`];
  for (const { errors, port } of concerned) {
    const error = errors.get(id);
    if (error !== undefined) return ['AGENT_ERROR', `${port.announcement.pod}: ${error}`.slice(0, 1024)];
  }
  const missing = concerned.filter(
    ({ entries, appliedRevision }) => (entries.get(id)?.revision ?? Infinity) > appliedRevision,
  );
  // An additional agent that is about to confirm does not make the intercept less active.
  if (missing.length === 0 || (disposition === 'ACTIVE' && missing.length < concerned.length))
    return ['ACTIVE', ''];
  return ['WAITING', `${missing.length} of ${concerned.length} traffic agents have not confirmed yet`];
}

function check(
  draft: InterceptDraft,
): { readonly ok: true; readonly draft: InterceptDraft } | (CreateResult & { ok: false }) {
  try {
    return { ok: true, draft: { ...draft, headers: checkRules(draft.headers) } };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { ok: false, code: 'BAD_ARGS', message: error.message };
  }
}

function refuseConflict(other: Intercept, { workload, namespace, headers }: InterceptDraft): CreateResult {
  const rules = headers.map(showRule).join(' and ');
  return {
    ok: false,
    code: 'CONFLICT',
    message:
      `${other.clientName} already intercepts ${workload} in ${namespace} with ${rules} ` +
      `(intercept ${other.draft.name}): use another header or value`,
  };
}

function infoOf({ id, draft, clientName, disposition, message, culvertId }: Intercept): InterceptInfo {
  return { ...draft, id, client: clientName, disposition, message, culvertId };
}

/** Returns the same id for the same client, whichever manager it asks, so that it can resume. */
function idOf(clientId: string, { name, workload, namespace }: InterceptDraft): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([clientId, namespace, workload, name]))
    .digest('hex');
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return `${parts.join('-')}-${hash.slice(20, 32)}:${name}`;
}

function workloadOf({
  workload,
  namespace,
  kind,
}: Pick<InterceptDraft, 'workload' | 'namespace' | 'kind'>): string {
  return `${kind.toLowerCase()}/${namespace}/${workload}`;
}

function drop<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}
