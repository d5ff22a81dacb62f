/** One endpoint while `culvert up` runs: its preview, its commands, its paths, and what is reported about them. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Claim,
  type PreviewPlan,
  type RefusalCode,
  type SeenRequest,
  showTarget,
  type Target,
} from '@culvert/client';
import type { IngressFailure } from '@culvert/outbound';
import type { Preview } from '../api.js';
import { refusalAdvice } from '../expose/refusal-advice.js';
import type { Output } from '../output/output.js';
import { ignoredOptions } from '../preview/ignored-options.js';
import { RequestLog } from '../requests/request-log.js';
import { ReloadClient } from '../target/reload-client.js';
import { TargetWatch } from '../target/target-watch.js';
import { CommandProcess } from './command-process.js';
import type { CommandPlan, Endpoint } from './file/read-file.js';
import { PathProxy } from './path-proxy.js';
import { expiryOf, previewNameOf, previewSettings } from './preview-settings.js';

/** How long a command has to end after SIGTERM. */
const COMMAND_GRACE_MS = 5000;
const DRAIN_MS = 1000;
/** How long requests in progress have when an endpoint no longer has paths. */
const RETIRED_DRAIN_MS = 600_000;

export interface EndpointRunOptions {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly project: string;
  readonly claim: Claim;
  readonly onFault: (error: unknown) => void;
}

interface StartedCommand {
  readonly plan: CommandPlan;
  readonly process: CommandProcess;
}

export class EndpointRun {
  private readonly log: RequestLog;
  private readonly watches = new Map<string, TargetWatch>();
  private readonly advised = new Set<RefusalCode>();
  private reloadClient: ReloadClient | null = null;
  private proxy: { readonly server: PathProxy; readonly target: Target } | null = null;
  private commands: StartedCommand[] = [];
  private expiresAt: string | null;
  private preview: Preview | null = null;
  private made: Preview | null = null;
  private isStopped = false;
  private current: PreviewPlan | null = null;

  constructor(
    private readonly options: EndpointRunOptions,
    private endpoint: Endpoint,
  ) {
    this.log = new RequestLog(options.output, endpoint.name);
    this.expiresAt = expiryOf(endpoint);
  }

  get name(): string {
    return this.endpoint.name;
  }

  get claim(): Claim {
    return this.options.claim;
  }

  /** Whether there is a URL that the next run may use again. */
  get hasUrl(): boolean {
    return this.made !== null || (this.claim.before?.previewId ?? null) !== null;
  }

  /** The preview that this run made, unless an earlier run had one; otherwise null. */
  get newPreview(): Preview | null {
    return (this.claim.before?.previewId ?? null) === null ? this.made : null;
  }

  /** What the exposure serves now. Set by `prepare` and `apply`. */
  get plan(): PreviewPlan {
    if (this.current === null) throw new TypeError('the endpoint was not prepared');
    return this.current;
  }

  /** Its services for people: `localhost:3000`, or one for each path. */
  get services(): string {
    const { target, paths } = this.endpoint;
    if (target !== null) return showTarget(target);
    return paths.map(({ path, target: service }) => `${path} → ${showTarget(service)}`).join(', ');
  }

  /** Makes the first plan. */
  async prepare(): Promise<void> {
    this.current = await this.planOf(this.endpoint);
  }

  /**
   * Replaces the endpoint by its next state from the file.
   * @param change applies the plan of the next state to the exposure; if it rejects, the former state stays
   */
  async apply(
    next: Endpoint,
    change: (before: PreviewPlan, after: PreviewPlan) => Promise<void>,
  ): Promise<void> {
    const { endpoint: former, expiresAt: formerExpiry, plan: before } = this;
    if (next.content.expires !== former.content.expires) this.expiresAt = expiryOf(next);
    const after = await this.planOf(next);
    // While the exposure changes, requests may arrive for the next state already.
    this.endpoint = next;
    this.current = after;
    try {
      if (isSamePlan(before, after)) this.current = before;
      else await change(before, after);
    } catch (error) {
      this.endpoint = former;
      this.current = before;
      this.expiresAt = formerExpiry;
      throw error;
    }
    this.claim.update({ target: shownTarget(next) });
    this.watchTargets();
    if (this.preview !== null) this.configureProxy(this.preview);
    if (next.target !== null) void this.stopProxy(RETIRED_DRAIN_MS).catch(this.options.onFault);
    await this.startCommands();
  }

  /** Records a preview that exists, though it may not be complete. */
  handleMade(preview: Preview): void {
    const { url, id, trafficManagerId } = preview;
    this.made = preview;
    this.claim.update({ url, previewId: id, trafficManagerId });
  }

  /** Its preview is complete: prints its URL and starts what belongs to it. */
  async handlePreview(preview: Preview): Promise<void> {
    const { output } = this.options;
    const isSame = this.preview?.url === preview.url;
    this.preview = preview;
    this.configureProxy(preview);
    if (!isSame) {
      output.event({ type: 'preview', endpoint: this.name, ...preview }, () =>
        output.line(`${this.name}  ${preview.url}`),
      );
      this.note(`requests go to ${this.services}`);
      if (preview.access === 'public') this.note('everyone with the URL reaches it without signing in');
      this.noteIgnored(preview);
    }
    this.watchTargets();
    await this.startCommands();
  }

  handleRequest(request: SeenRequest): void {
    this.log.add(request);
    this.reloadClient?.handleRequest(request);
    const { refusal } = request;
    if (refusal === null || this.preview === null || this.advised.has(refusal)) return;
    this.advised.add(refusal);
    const { hostHeader, rewriteOrigin } = this.endpoint.content;
    this.note(
      refusalAdvice(refusal, this.preview, {
        ...(hostHeader !== undefined && { hostHeader }),
        ...(rewriteOrigin !== undefined && { rewriteOrigin }),
        names: {
          hostHeader: 'hostHeader',
          rewriteOrigin: 'rewriteOrigin: true',
          noRewriteOrigin: 'rewriteOrigin',
        },
      }),
    );
  }

  handleFailure(failure: IngressFailure): void {
    const { target } = this.endpoint;
    if (target !== null) this.watches.get(showTarget(target))?.handleFailure(failure);
  }

  /** Ends its commands and its paths. @param keep whether the next run gets the same URL */
  async stop(keep: boolean): Promise<void> {
    this.isStopped = true;
    for (const watch of this.watches.values()) watch.close();
    this.reloadClient?.close();
    await Promise.all([
      this.stopProxy(DRAIN_MS),
      ...this.commands.map(({ process }) => process.stop(COMMAND_GRACE_MS)),
    ]);
    this.log.close();
    this.claim.release(keep);
  }

  private noteIgnored(preview: Preview): void {
    const { target, content } = this.endpoint;
    const ignored = ignoredOptions(preview, {
      // Where paths share a URL, this machine translates addresses itself.
      addressedAs: target !== null && content.rewriteOrigin === true && 'rewriteOrigin',
      allowUpgrades: content.allowUpgrades && 'allowUpgrades',
    });
    if (ignored !== null) this.note(ignored);
  }

  private async planOf(endpoint: Endpoint): Promise<PreviewPlan> {
    const { project, claim } = this.options;
    return {
      name: previewNameOf(project, endpoint.name),
      target: endpoint.target ?? (await this.startProxy()),
      settings: previewSettings(endpoint, this.expiresAt),
      previewId: this.made?.id ?? claim.before?.previewId ?? null,
    };
  }

  private async startProxy(): Promise<Target> {
    if (this.proxy === null) {
      const server = new PathProxy({
        onFailure: ({ target }, failure) => this.watches.get(showTarget(target))?.handleFailure(failure),
        onFault: this.options.onFault,
      });
      this.proxy = { server, target: await server.listen() };
    }
    return this.proxy.target;
  }

  private configureProxy(preview: Preview): void {
    const { paths, content } = this.endpoint;
    if (paths.length > 0) this.proxy?.server.configure({ preview, paths, content });
  }

  private async stopProxy(graceMs: number): Promise<void> {
    const { proxy } = this;
    this.proxy = null;
    await proxy?.server.stop(graceMs);
  }

  /** Watches the services of this state, and no others. */
  private watchTargets(): void {
    if (this.isStopped) return;
    const { target, paths } = this.endpoint;
    const wanted = new Map(
      (target === null ? paths.map((path) => path.target) : [target]).map((each) => [showTarget(each), each]),
    );
    for (const [name, watch] of this.watches) {
      if (wanted.has(name)) continue;
      watch.close();
      this.watches.delete(name);
    }
    for (const [name, each] of wanted) {
      if (this.watches.has(name)) continue;
      const watch = new TargetWatch({ target: each, note: (text) => this.note(text) });
      this.watches.set(name, watch);
      // A service that a command starts is not expected to answer yet.
      if (this.endpoint.commands.length === 0) void watch.start();
    }
    if (this.reloadClient !== null || target === null) return;
    this.reloadClient = new ReloadClient({ target, note: (text) => this.note(text) });
  }

  /** Starts the commands of this state and ends those that it does not have. */
  private async startCommands(): Promise<void> {
    const wanted = this.endpoint.commands;
    const isWanted = ({ plan }: StartedCommand): boolean =>
      wanted.some((each) => isDeepStrictEqual(each, plan));
    const old = this.commands.filter((each) => !isWanted(each));
    this.commands = this.commands.filter(isWanted);
    await Promise.all(old.map(({ process }) => process.stop(COMMAND_GRACE_MS)));
    for (const plan of wanted) {
      // The end may have come while others were stopped.
      if (this.isStopped) return;
      if (this.commands.some((each) => isDeepStrictEqual(each.plan, plan))) continue;
      this.commands.push({ plan, process: this.startCommand(plan) });
    }
  }

  private startCommand(plan: CommandPlan): CommandProcess {
    const { output, env } = this.options;
    let omitted = 0;
    return new CommandProcess(plan, {
      env: { ...env, CULVERT_PREVIEW_URL: this.preview?.url ?? '' },
      onLine: (text, stream) => {
        if (output.isBehind) {
          omitted++;
          return;
        }
        if (omitted > 0) output.note(`${plan.name} | … and ${omitted} lines that were not read in time`);
        omitted = 0;
        output.event({ type: 'output', endpoint: this.name, command: plan.name, stream, text }, () =>
          output.line(`${plan.name} | ${text}`),
        );
      },
      onEnded: (how) =>
        output.note(
          `${plan.name} | the command ${how}. The URL stays; save the file with a change to restart it.`,
        ),
    });
  }

  private note(text: string): void {
    this.options.output.note(`${this.name} | ${text}`);
  }
}

/** Returns what lists of running commands show as the target. */
export function shownTarget({ target }: Endpoint): string {
  return target === null ? 'paths' : showTarget(target);
}

function isSamePlan(a: PreviewPlan, b: PreviewPlan): boolean {
  return isDeepStrictEqual([a.target, a.settings], [b.target, b.settings]);
}
