/** `culvert expose`: exposes a target of this machine through a preview and shows its requests until it is ended. */
import {
  checkPreviewName,
  type Claim,
  ClientError,
  clientName,
  defaultPreviewName,
  parseTarget,
  PreviewExposure,
  type PreviewPlan,
  type PreviewSettings,
  type RefusalCode,
  type SeenRequest,
  showTarget,
  signInHint,
  type Target,
  thisMachine,
} from '@culvert/client';
import { WORKSTATION_PREFIX } from '@culvert/contract';
import { createApi, type Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { LocalInspector } from '../inspector/local-inspector.js';
import { previewName } from '../preview/find-preview.js';
import { ignoredOptions } from '../preview/ignored-options.js';
import { printPreviewUrl } from '../preview/preview-url.js';
import { RequestLog } from '../requests/request-log.js';
import { ReloadClient } from '../target/reload-client.js';
import { TargetWatch } from '../target/target-watch.js';
import type { ExposeFlags } from './expose-flags.js';
import { refusalAdvice } from './refusal-advice.js';

/** Short: a person waits for it after Ctrl-C. */
const REMOVE_TIMEOUT_MS = 5000;
const DRAIN_MS = 1000;

export async function expose(context: CommandContext, text: string, flags: ExposeFlags): Promise<ExitCode> {
  const target = parseTarget(text);
  if (flags.insecureTarget === true && !target.isTls) {
    throw new CliError(EXIT.usage, `--insecure-target: ${showTarget(target)} does not use TLS`, {
      hint: `Expose https://${showTarget(target)}, or leave the flag out.`,
    });
  }
  if (flags.hostHeader === 'preview' && flags.rewriteOrigin === true) {
    throw new CliError(EXIT.usage, '--rewrite-origin contradicts --host-header preview', {
      hint: 'The first hides the URL from the service, the second shows it. Leave one of them out.',
    });
  }
  const { id, running } = thisMachine(context.env);
  // Fails early if no one is signed in, before anything is claimed.
  const { bearer: _bearer, settings } = context;
  const { url } = settings;
  const name = flags.name === undefined ? defaultPreviewName(target) : checkPreviewName(flags.name, '--name');
  const claim = running.claim({
    kind: 'expose',
    server: url,
    name,
    target: showTarget(target),
    mayNumber: flags.name === undefined,
  });
  if (claim === null) {
    throw new CliError(EXIT.conflict, `another "culvert expose" on this machine uses the name ${name}`, {
      hint: 'End it, or choose another --name. "culvert status" shows what is running.',
    });
  }
  return new ExposeRun(context, flags, target, id, claim).run();
}

class ExposeRun {
  private readonly ending: Ending;
  private readonly watch: TargetWatch;
  private readonly reloadClient: ReloadClient;
  private readonly log: RequestLog;
  private readonly exposure: PreviewExposure;
  private readonly plan: PreviewPlan;
  private readonly inspector: LocalInspector | null;
  private isShown = false;
  /** Refusals of the service that were explained. */
  private readonly advised = new Set<RefusalCode>();

  constructor(
    private readonly context: CommandContext,
    private readonly flags: ExposeFlags,
    private readonly target: Target,
    machineId: string,
    private readonly claim: Claim,
  ) {
    const { settings, bearer, api, output, signal } = context;
    this.ending = new Ending(signal);
    this.log = new RequestLog(output);
    const note = (text: string): void => output.note(text);
    this.watch = new TargetWatch({ target, note });
    this.reloadClient = new ReloadClient({ target, note });
    const previewId = claim.before?.previewId ?? null;
    this.plan = { name: claim.name, target, settings: settingsOf(flags), previewId };
    const endpoint = {
      name: '',
      url: () => this.exposure.previewOf(this.plan)?.url ?? null,
      target,
      verifyTls: flags.insecureTarget !== true,
    };
    const inspector = flags.inspector
      ? new LocalInspector({ output, port: flags.inspectorPort, endpoints: () => [endpoint] })
      : null;
    this.inspector = inspector;
    this.exposure = new PreviewExposure({
      url: settings.url,
      ca: settings.ca,
      bearer,
      api,
      managerId: `${WORKSTATION_PREFIX}${machineId}/${claim.name}`,
      name: `${clientName()}: ${showTarget(target)}`,
      plans: [this.plan],
      onMade: (_plan, { url, id, trafficManagerId }) =>
        claim.update({ url, previewId: id, trafficManagerId }),
      onPreview: (_plan, preview) => this.show(preview),
      onExpired: (_plan, { url }) =>
        output.note(`${url} ended because this machine was offline for too long. The new URL:`),
      onLost: (reason) => output.note(`Lost the connection to Culvert (${reason}). Reconnecting …`),
      onReconnected: () => output.note('Reconnected.'),
      onEnded: (error) => this.ending.end(error),
      onTargetFailure: (_plan, failure) => this.watch.handleFailure(failure),
      ...(flags.log && { onRequest: (_plan, request) => this.handleRequest(request) }),
      ...(inspector && { recorderOf: () => inspector.recorderOf(endpoint) }),
    });
  }

  async run(): Promise<ExitCode> {
    const { context, ending, exposure, flags, target } = this;
    const { output, settings } = context;
    let failure: unknown;
    try {
      void this.watch.start();
      if (output.isWatched) output.note(`Connecting to ${settings.url} …`);
      await ending.unless(exposure.start());
      if (this.inspector !== null) this.claim.update({ inspector: await this.inspector.start() });
      const ends = flags.keep === true ? 'ends this and keeps the URL' : 'ends this and removes the URL';
      output.note(`Requests go to ${showTarget(target)}. Ctrl-C ${ends}.`);
      await ending.reached;
    } catch (error) {
      failure = error;
    }
    this.watch.close();
    this.reloadClient.close();
    await this.inspector?.close();
    const isRemoved = await this.cleanUp(ending.isAsked && flags.keep === true);
    this.log.close();
    // The result is a failure if it did not start, or if a person did not end it.
    if (!ending.isAsked || !this.isShown) throw failure;
    return isRemoved ? EXIT.ok : EXIT.failure;
  }

  private handleRequest(request: SeenRequest): void {
    this.log.add(request);
    this.reloadClient.handleRequest(request);
    const { refusal } = request;
    if (refusal === null || this.advised.has(refusal)) return;
    const preview = this.exposure.previewOf(this.plan);
    if (preview === null) return;
    this.advised.add(refusal);
    this.context.output.note(refusalAdvice(refusal, preview, this.flags));
  }

  private async show(preview: Preview): Promise<void> {
    this.isShown = true;
    const { context, flags, target } = this;
    await printPreviewUrl(context.output, preview, { target: showTarget(target), qr: flags.qr });
    const ignored = ignoredOptions(preview, {
      addressedAs: flags.rewriteOrigin === true && '--rewrite-origin',
      allowUpgrades: flags.allowUpgrades === true && '--allow-upgrades',
    });
    if (ignored !== null) context.output.note(ignored);
  }

  /** @param keep whether the preview stays. Returns whether everything else was removed. */
  private async cleanUp(keep: boolean): Promise<boolean> {
    const { output } = this.context;
    // Keep what an earlier run left even if this run could not start.
    const isLeft = keep || (!this.isShown && this.claim.before !== null);
    if (this.ending.isAsked && this.isShown && !isLeft)
      output.note('Removing the URL. Press Ctrl-C again to keep it.');
    const isRemoved = isLeft || (await this.remove());
    await this.exposure.stop(DRAIN_MS);
    this.claim.release(isLeft || !isRemoved);
    const preview = this.exposure.previewOf(this.plan);
    if (this.isShown && preview !== null && isRemoved)
      output.note(keep ? `Kept ${preview.url} for the next run.` : `Removed ${preview.url}`);
    return isRemoved;
  }

  private async remove(): Promise<boolean> {
    const { settings, http, bearer, output } = this.context;
    // The context's signal has already fired, so these calls have a time limit of their own.
    const signal = AbortSignal.timeout(REMOVE_TIMEOUT_MS);
    const api = createApi({
      url: settings.url,
      http,
      bearer,
      signInHint: signInHint(settings),
      signal,
    });
    try {
      await this.exposure.remove(api);
      return true;
    } catch (error) {
      const preview = this.exposure.previewOf(this.plan);
      if (preview === null) return true;
      const why = error instanceof ClientError ? error.message : 'Culvert does not answer in time';
      output.note(`Could not remove ${preview.url}: ${why}.`);
      output.note(
        `  Run "culvert preview remove ${previewName(preview.hostname)}", or the same command again.`,
      );
      return false;
    }
  }
}

function settingsOf(flags: ExposeFlags): PreviewSettings {
  const { access, banner, addRequestHeader, hostHeader, expires, pullRequest, allowUpgrades } = flags;
  return {
    access,
    banner,
    addRequestHeaders: addRequestHeader,
    hostHeader,
    rewriteOrigin: flags.rewriteOrigin,
    expiresAt: expires?.at,
    pullRequestUrl: pullRequest,
    allowUpgrades,
    verifyTls: flags.insecureTarget !== true,
    keep: flags.keep,
  };
}
