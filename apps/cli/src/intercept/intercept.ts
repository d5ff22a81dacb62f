/** `culvert intercept`: routes requests of a workload to this machine until it is ended. */
import {
  type Claim,
  Http1Watch,
  parseTarget,
  showTarget,
  signInHint,
  TappedStream,
  type Target,
  thisMachine,
} from '@culvert/client';
import { isSettableHeader } from '@culvert/contract';
import { checkRules, parseHeaderFlag, RuleError, showRule, type HeaderRule } from '@culvert/intercepts';
import type { InterceptDraft, InterceptInfo, MeetingClient } from '@culvert/meeting-point';
import { createApi, type Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { EXIT } from '../exit-code.js';
import { printPreviewUrl } from '../preview/preview-url.js';
import { RequestLog } from '../requests/request-log.js';
import { TargetWatch } from '../target/target-watch.js';
import type { InterceptFlags } from './intercept-flags.js';
import { Companion } from './companion.js';
import { createMeetingClient, managerUrl, meetingError, whenConnected } from './meeting-address.js';
import { readPortFlag } from './port-flag.js';
import { wordOfState } from './states.js';

/** Agents of a workload that is restarting come back within this time. */
const FIRST_AGENT_MS = 10_000;
/** If Culvert does not know the intercept after this time, something is wrong. */
const REPORT_MS = 15_000;
/** Short: a person waits for it after Ctrl-C. */
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
      throw new CliError(EXIT.refused, `your credential lacks the scope ${missing}`, {
        hint: 'Only --preview-url needs it: leave the flag out, or use another credential.',
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
    throw new CliError(EXIT.conflict, `this machine already intercepts ${draft.name} in ${draft.namespace}`, {
      hint: `Run "culvert leave ${draft.name}" first, or use --workload and another name.`,
    });
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
  /** Whether this command closes the connection itself. */
  private isLeaving = false;
  private isLost = false;
  private readonly active: Promise<void>;
  private markActive!: () => void;
  private wasActive = false;
  private preview: Preview | null = null;
  /** Culvert's id of the intercept whose preview exists or is being created. */
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
    // If a companion command ran, its exit code decides, however it ended.
    if (code !== null) return code;
    if (this.companion !== null && ending.isAsked) return this.companion.exited;
    if (!ending.isAsked || !this.wasActive) throw failure;
    return isRemoved ? EXIT.ok : EXIT.failure;
  }

  /** Resolves with the exit code of the companion command. */
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

  /** Variables for the environment of the companion command. */
  private variables(): Record<string, string> {
    const id = this.info?.id ?? '';
    return {
      TELEPRESENCE_INTERCEPT_ID: id,
      CULVERT_INTERCEPT_ID: id,
      ...(this.preview && { CULVERT_PREVIEW_URL: this.preview.url }),
    };
  }

  private handleWelcome(): void {
    if (this.isLost) this.context.output.note('Reconnected to the traffic manager.');
    this.isLost = false;
  }

  private handleLost(reason: string): void {
    if (this.isLost || this.isLeaving || this.ending.isReached) return;
    this.isLost = true;
    this.context.output.note(`Lost the connection to the traffic manager (${reason}). Reconnecting …`);
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
      const word = wordOfState(info.disposition);
      output.note(`State: ${word}${info.message === '' ? '' : ` (${info.message})`}.`);
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

  /** Ends instead of waiting if no agent serves the workload: its name may be wrong. */
  private endWithoutAgent(): void {
    const { info } = this;
    if (this.wasActive || info === null || info.disposition === 'WAITING') return;
    const hint = hintFor(info);
    this.ending.end(
      new CliError(
        EXIT.notFound,
        info.message || wordOfState(info.disposition),
        hint === null ? {} : { hint },
      ),
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
      'There is no preview URL yet: the traffic manager has not reported the intercept to Culvert.',
    );
    this.context.output.note(
      '  Check that its key has sessions:read, intercepts:read and intercepts:write, and that it can reach Culvert.',
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

  /** Cleans up, most visible things first. Returns whether everything was removed. */
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
      const api = createApi({
        url: settings.url,
        http,
        bearer: context.bearer,
        signInHint: signInHint(settings),
        signal,
      });
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
      output.note('The traffic manager cannot be reached. It ends the intercept by itself within a minute.');
    }
    this.isLeaving = true;
    await client.stop(DRAIN_MS);
    if (isRemoved && this.wasActive) output.note(`Left ${options.draft.name}.`);
    return isRemoved;
  }
}

function readFlags(name: string, flags: InterceptFlags): { draft: InterceptDraft; target: Target } {
  const workload = flags.workload ?? name;
  for (const [what, text] of Object.entries({ name, workload, namespace: flags.namespace })) {
    if (CLUSTER_NAME.test(text)) continue;
    throw new CliError(EXIT.usage, `"${text}" is not a valid ${what}`, {
      hint: 'Use letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
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
      hint: 'Use NAME=VALUE, NAME=EXPRESSION, or auto, for example x-dev=alice.',
      cause: error,
    });
  }
}

/** The services on the way pass this header on, and the workload's agent looks for it. */
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
    expiresAt: flags.expires?.at ?? null,
    addRequestHeaders: { ...Object.fromEntries(matched), ...flags.addRequestHeader },
  };
}

/** Returns what to do about a disposition; null if waiting is all that helps. */
function hintFor({ disposition, workload, namespace, name }: InterceptInfo): string | null {
  switch (disposition) {
    case 'NO_AGENT':
      return (
        `Check that ${workload} in ${namespace} is right and has a traffic agent in its pods (docs/cluster.md, section 6). ` +
        '"culvert list" shows workloads that have one.'
      );
    case 'NO_PORTS':
      return 'Name one of its ports, as in --port 8080:http. "culvert list" shows them.';
    case 'AGENT_ERROR':
      return 'Check the log of the traffic agent, or choose another --http-header.';
    case 'NO_CLIENT':
      return `Run "culvert leave ${name}", then run this command again.`;
    case 'ACTIVE':
    case 'WAITING':
      return null;
    default:
      throw new Error(`unhandled disposition ${String(disposition satisfies never)}`);
  }
}
