/** `culvert intercept`: requests of a workload come to this machine, until somebody ends it. */
import { isSettableHeader } from '@culvert/contract';
import { checkRules, parseHeaderFlag, RuleError, showRule, type HeaderRule } from '@culvert/intercepts';
import type { InterceptDraft, InterceptInfo, MeetingClient } from '@culvert/meeting-point';
import { createApi, type Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { EXIT } from '../exit-code.js';
import { thisMachine } from '../machine/machine.js';
import type { Claim } from '../machine/running.js';
import { printPreviewUrl } from '../preview/preview-url.js';
import { Http1Watch } from '../requests/http1-watch.js';
import { RequestLog } from '../requests/request-log.js';
import { TappedStream } from '../requests/tapped-stream.js';
import { parseTarget, showTarget, type Target } from '../target/target.js';
import { TargetWatch } from '../target/target-watch.js';
import type { InterceptFlags } from './intercept-flags.js';
import { Companion } from './companion.js';
import { createMeetingClient, managerUrl, meetingError, whenConnected } from './meeting-address.js';
import { readPortFlag } from './port-flag.js';

/** A workload whose agents are about to come back has them within this time. */
const FIRST_AGENT_MS = 10_000;
/** From when on it is odd that Culvert does not know the intercept. */
const REPORT_MS = 15_000;
/** A person waits for it with their finger on Ctrl-C. */
const REMOVE_TIMEOUT_MS = 5000;
const DRAIN_MS = 1000;
const COMPANION_GRACE_MS = 5000;

const CLUSTER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

export async function intercept(
  context: CommandContext,
  name: string,
  command: readonly string[],
  flags: InterceptFlags,
): Promise<number> {
  const url = managerUrl(flags, context.env);
  const { draft, target } = readFlags(name, flags);
  if (flags.previewUrl) {
    const { scopes } = await context.api.call('getMe');
    const missing = (['previews:read', 'previews:write'] as const).find((scope) => !scopes.includes(scope));
    if (missing !== undefined) {
      throw new CliError(EXIT.refused, `what you signed in with lacks the scope ${missing}`, {
        hint: 'Without --preview-url it is not needed.',
      });
    }
  }
  const { id, running } = thisMachine(context.env);
  const claim = running.claim({
    kind: 'intercept',
    server: url,
    name: `${draft.namespace}/${draft.name}`,
    target: showTarget(target),
    mayNumber: false,
  });
  if (claim === null) {
    throw new CliError(
      EXIT.conflict,
      `${draft.name} in ${draft.namespace} is intercepted by this machine already`,
      {
        hint: `Run "culvert leave ${draft.name}" first, or give --workload and another name.`,
      },
    );
  }
  return new InterceptRun(context, { url, flags, draft, target, command, machineId: id, claim }).run();
}

interface RunOptions {
  readonly url: string;
  readonly flags: InterceptFlags;
  readonly draft: InterceptDraft;
  readonly target: Target;
  readonly command: readonly string[];
  readonly machineId: string;
  readonly claim: Claim;
}

class InterceptRun {
  private readonly ending: Ending;
  private readonly watch: TargetWatch;
  private readonly log: RequestLog;
  private readonly client: MeetingClient;
  private info: InterceptInfo | null = null;
  private lastState = '';
  private isLost = false;
  private readonly active: Promise<void>;
  private markActive!: () => void;
  private wasActive = false;
  private preview: Preview | null = null;
  /** Culvert's id of the intercept that the preview is of, or is being made of. */
  private previewOf: string | null = null;
  private readonly previewed: Promise<void>;
  private markPreviewed!: () => void;
  private companion: Companion | null = null;
  private readonly timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly context: CommandContext,
    private readonly options: RunOptions,
  ) {
    const { output, signal } = context;
    const { flags, target, url, machineId } = options;
    this.ending = new Ending(signal);
    this.active = new Promise((resolve) => {
      this.markActive = resolve;
    });
    this.previewed = new Promise((resolve) => {
      this.markPreviewed = resolve;
    });
    this.log = new RequestLog(output);
    this.watch = new TargetWatch({ target, note: (text) => output.note(text) });
    this.client = createMeetingClient(context, {
      url,
      machineId,
      ending: this.ending,
      onWelcome: () => this.handleWelcome(),
      onLost: (reason) => this.handleLost(reason),
      onIntercept: (info) => this.handleIntercept(info),
      onRefused: (_draft, error) => this.ending.end(meetingError(error)),
      onTargetFailure: (_id, failure) => this.watch.handleFailure(failure),
      ...(flags.log && {
        tap: (_id, stream) => new TappedStream(stream, new Http1Watch((request) => this.log.add(request))),
      }),
    });
  }

  async run(): Promise<number> {
    const { ending } = this;
    let code: number | null = null;
    let failure: unknown;
    try {
      void this.watch.start();
      code = await ending.unless(this.start());
    } catch (error) {
      failure = error;
    }
    for (const timer of this.timers) clearTimeout(timer);
    this.watch.close();
    const wasTold = failure instanceof CliError && failure.exitCode === EXIT.interrupted;
    await this.companion?.stop(COMPANION_GRACE_MS, { wasTold });
    const isRemoved = await this.cleanUp();
    this.log.close();
    this.options.claim.release(false);
    // A command that ran decides, whoever ended it.
    if (code !== null) return code;
    if (this.companion !== null && ending.isAsked) return this.companion.exited;
    if (!ending.isAsked || !this.wasActive) throw failure;
    return isRemoved ? EXIT.ok : EXIT.failure;
  }

  /** Resolves with the exit code of the command that runs with the intercept. */
  private async start(): Promise<number> {
    const { context, options, client, ending } = this;
    const { url, draft, target, command, flags } = options;
    const { output } = context;
    if (output.isWatched) output.note(`Connecting to the traffic manager at ${url} …`);
    await whenConnected(client, url, ending);
    const { host, port } = target;
    try {
      this.handleIntercept(await client.create(draft, { host, port }));
    } catch (error) {
      throw meetingError(error);
    }
    this.timers.push(setTimeout(() => this.endWithoutAgent(), FIRST_AGENT_MS));
    await this.active;
    if (flags.previewUrl) await this.previewed;
    if (command.length === 0) return ending.reached;
    this.companion = new Companion(command, context.env, this.variables());
    return this.companion.exited;
  }

  /** What the command that runs with the intercept finds in its environment. */
  private variables(): Record<string, string> {
    const id = this.info?.id ?? '';
    return {
      TELEPRESENCE_INTERCEPT_ID: id,
      CULVERT_INTERCEPT_ID: id,
      ...(this.preview && { CULVERT_PREVIEW_URL: this.preview.url }),
    };
  }

  private handleWelcome(): void {
    if (this.isLost) this.context.output.note('Connected to the traffic manager again.');
    this.isLost = false;
  }

  private handleLost(reason: string): void {
    if (this.isLost || this.ending.isReached) return;
    this.isLost = true;
    this.context.output.note(`The connection to the traffic manager is lost (${reason}). Connecting again …`);
  }

  private handleIntercept(info: InterceptInfo): void {
    this.info = info;
    const { disposition, message } = info;
    if (`${disposition} ${message}` !== this.lastState) {
      this.lastState = `${disposition} ${message}`;
      this.showState(info);
    }
    if (disposition === 'ACTIVE') {
      this.wasActive = true;
      this.markActive();
    }
    if (this.options.flags.previewUrl) this.keepPreview(info);
  }

  private showState(info: InterceptInfo): void {
    const { output } = this.context;
    const { draft, target } = this.options;
    const name = `${draft.workload} in ${draft.namespace}`;
    if (info.disposition !== 'ACTIVE') {
      output.note(`${info.disposition}: ${info.message}.`);
      const hint = hintFor(info);
      if (hint !== null) output.note(`  ${hint}`);
      return;
    }
    const { id, headers } = info;
    const rules =
      headers.length === 0 ? `x-telepresence-intercept-id=${id}` : headers.map(showRule).join(' and ');
    const shown = { ...info, type: 'intercept', target: showTarget(target) };
    output.event(shown, () =>
      output.line(`Intercepting ${name}: requests with ${rules} go to ${showTarget(target)}`),
    );
    output.note(`Ctrl-C ends it, and so does "culvert leave ${draft.name}".`);
  }

  /** What no agent serves is not waited for: the name may be wrong. */
  private endWithoutAgent(): void {
    const { info } = this;
    if (this.wasActive || info === null || info.disposition === 'WAITING') return;
    const hint = hintFor(info);
    this.ending.end(
      new CliError(EXIT.notFound, info.message || info.disposition, hint === null ? {} : { hint }),
    );
  }

  private keepPreview({ culvertId }: InterceptInfo): void {
    if (culvertId === null) {
      if (this.timers.length < 2) this.timers.push(setTimeout(() => this.tellUnreported(), REPORT_MS));
      return;
    }
    if (culvertId === this.previewOf) return;
    this.previewOf = culvertId;
    void this.makePreview(culvertId).catch((error: unknown) => this.ending.end(error));
  }

  private tellUnreported(): void {
    if (this.info?.culvertId !== null) return;
    this.context.output.note(
      'The traffic manager has not told Culvert of the intercept yet, so there is no preview URL.',
    );
    this.context.output.note(
      '  Its key needs sessions:read, intercepts:read and intercepts:write, and Culvert has to be in its reach.',
    );
  }

  private async makePreview(culvertId: string): Promise<void> {
    const { context, options } = this;
    const { flags, draft, target, claim } = options;
    const { api, output } = context;
    const wanted = wantedPreview(draft, flags);
    const [existing] = await api.list('listPreviews', { query: { interceptId: culvertId } });
    const preview =
      existing === undefined
        ? await api.call('createPreview', { body: { ...wanted, interceptId: culvertId } })
        : await api.call('updatePreview', { previewId: existing.id, body: wanted });
    this.preview = preview;
    claim.update({ url: preview.url, previewId: preview.id, trafficManagerId: preview.trafficManagerId });
    await printPreviewUrl(output, preview, { target: showTarget(target), qr: flags.qr });
    this.markPreviewed();
  }

  /** In the order in which people would miss it. Whether nothing is left. */
  private async cleanUp(): Promise<boolean> {
    const { context, client, preview, info, options } = this;
    const { settings, http, output } = context;
    let isRemoved = true;
    if (this.ending.isAsked && this.wasActive) output.note(`Leaving ${options.draft.name} …`);
    const complain =
      (what: string) =>
      (error: unknown): void => {
        isRemoved = false;
        output.note(`${what}: ${(error as Error).message}.`);
      };
    const signal = AbortSignal.timeout(REMOVE_TIMEOUT_MS);
    if (preview !== null) {
      const api = createApi({ url: settings.url, http, bearer: context.bearer, signal });
      await api.call('deletePreview', { previewId: preview.id }).catch((error: unknown) => {
        if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound)
          complain(`Could not remove ${preview.url}`)(error);
      });
    }
    if (info !== null && client.isConnected) {
      const late = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
      });
      await Promise.race([client.remove(info.id), late]).catch(complain('Could not end the intercept'));
    } else if (info !== null) {
      output.note('The traffic manager is out of reach: it ends the intercept by itself within a minute.');
    }
    await client.stop(DRAIN_MS);
    if (isRemoved && this.wasActive) output.note(`Left ${options.draft.name}.`);
    return isRemoved;
  }
}

function readFlags(name: string, flags: InterceptFlags): { draft: InterceptDraft; target: Target } {
  const workload = flags.workload ?? name;
  for (const [what, text] of Object.entries({ name, workload, namespace: flags.namespace })) {
    if (CLUSTER_NAME.test(text)) continue;
    throw new CliError(EXIT.usage, `"${text}" is not a ${what} of something in a cluster`, {
      hint: 'It consists of letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
    });
  }
  const { local, remote } = readPortFlag(flags.port);
  const target = parseTarget(`${flags.address}:${local}`, '--address');
  const headers = readHeaders([...(flags.httpHeader ?? []), ...(flags.httpMatch ?? [])]);
  const { namespace, workloadKind: kind } = flags;
  const { host, port } = target;
  return {
    draft: { name, workload, namespace, kind, port: remote, headers, targetHost: host, targetPort: port },
    target,
  };
}

function readHeaders(flags: readonly string[]): HeaderRule[] {
  try {
    return checkRules(flags.map(parseHeaderFlag).filter((rule) => rule !== null));
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw new CliError(EXIT.usage, `--http-header: ${error.message}`, {
      hint: 'It is NAME=VALUE, NAME=EXPRESSION, or auto, such as x-dev=alice.',
      cause: error,
    });
  }
}

/** What services pass on is what the agent of the workload has to find. */
function wantedPreview({ workload, namespace, headers }: InterceptDraft, flags: InterceptFlags) {
  const host = flags.ingressHost ?? `${workload}.${namespace}`;
  const useTls = flags.ingressTls === true;
  const matched = headers.flatMap((rule) =>
    'value' in rule && isSettableHeader(rule.name) ? [[rule.name, rule.value] as const] : [],
  );
  return {
    ingress: {
      host,
      port: flags.ingressPort ?? (useTls ? 443 : 80),
      useTls,
      l5Host: flags.ingressL5host ?? flags.ingressL5 ?? host,
    },
    access: flags.access,
    displayBanner: flags.banner,
    pullRequestUrl: flags.pullRequest ?? null,
    expiresAt: flags.expires ?? null,
    addRequestHeaders: { ...Object.fromEntries(matched), ...flags.addRequestHeader },
  };
}

/** What to do about a disposition; null where only time helps. */
function hintFor({ disposition, workload, namespace, name }: InterceptInfo): string | null {
  switch (disposition) {
    case 'NO_AGENT':
      return (
        `Look whether ${workload} in ${namespace} is right, and has a traffic agent in its pods (docs/cluster.md, section 6); ` +
        '"culvert list" shows workloads that have one.'
      );
    case 'NO_PORTS':
      return 'Name one of its ports as in --port 8080:http; "culvert list" shows them.';
    case 'AGENT_ERROR':
      return 'Look at the log of the traffic agent, or choose another --http-header.';
    case 'NO_CLIENT':
      return `Run "culvert leave ${name}", then this again.`;
    case 'ACTIVE':
    case 'WAITING':
      return null;
    default:
      throw new Error(`unhandled disposition ${String(disposition satisfies never)}`);
  }
}
