/** Exposes a service for a program, for as long as the program wants. */
import { WORKSTATION_PREFIX } from '@culvert/contract';
import type { HttpClient } from '@culvert/outbound';
import { createPreviewApi } from '../api/create-preview-api.js';
import { createHttpClient } from '../api/http.js';
import { asClientError, ClientError } from '../client-error.js';
import { clientName } from '../client-name.js';
import { checkPreviewName, defaultPreviewName } from '../exposure/exposed-preview.js';
import type { ExposedPreview } from '../exposure/preview-api.js';
import { PreviewExposure, type PreviewPlan } from '../exposure/preview-exposure.js';
import { thisMachine } from '../machine/machine.js';
import type { Claim } from '../machine/running.js';
import { createBearer } from '../settings/bearer.js';
import { readSettings, type Settings } from '../settings/settings.js';
import { showTarget } from '../target/target.js';
import { checkOptions } from './check-options.js';
import { type FoundTarget, targetOf } from './target-of.js';
import type { ExposeOptions, ExposeTarget, RunningPreview } from './types.js';

const REMOVE_TIMEOUT_MS = 5000;
const DRAIN_MS = 1000;

/**
 * Gives a service of this machine a preview URL. Resolves when the URL works. The service is reachable until `close` is called,
 * the signal is aborted, or the process ends.
 *
 * Rejects with a `ClientError`, whose `hint` says what to do, or with the reason of the signal.
 */
export async function expose(target: ExposeTarget, options: ExposeOptions = {}): Promise<RunningPreview> {
  checkOptions(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const found = await targetOf(target, signal);
  const settings = readSettings(options, process.env);
  const run = new ExposedService(found, options, settings);
  await run.start();
  return run;
}

class ExposedService implements RunningPreview {
  readonly ended: Promise<ClientError | null>;
  private markEnded!: (error: ClientError | null) => void;
  private readonly http: HttpClient;
  private readonly claim: Claim;
  private readonly plan: PreviewPlan;
  private readonly exposure: PreviewExposure;
  /** Ends calls of the API when the exposure is over. */
  private readonly calls = new AbortController();
  private closing: Promise<void> | null = null;
  private preview: ExposedPreview | null = null;

  /** Starts dialing at once. @throws ClientError */
  constructor(
    private readonly found: FoundTarget,
    private readonly options: ExposeOptions,
    private readonly settings: Settings,
  ) {
    const { url, ca } = settings;
    const { target } = found;
    this.ended = new Promise((resolve) => {
      this.markEnded = resolve;
    });
    this.http = createHttpClient(ca);
    const bearer = createBearer(settings, this.http);
    const { id, running } = thisMachine(process.env);
    this.claim = this.claimName((claim) => running.claim(claim));
    this.plan = this.planOf();
    const { onRequest, onLost, onReconnected } = options;
    this.exposure = new PreviewExposure({
      url,
      ca,
      bearer,
      api: createPreviewApi(settings, this.http, { bearer, signal: this.calls.signal }),
      managerId: `${WORKSTATION_PREFIX}${id}/${this.claim.name}`,
      name: `${clientName()}: ${showTarget(target)}`,
      plans: [this.plan],
      onMade: (_plan, made) =>
        this.claim.update({ url: made.url, previewId: made.id, trafficManagerId: made.trafficManagerId }),
      onPreview: (_plan, preview) => this.show(preview),
      onEnded: (error) => void this.finish(error).catch(() => undefined),
      ...(onLost && { onLost }),
      ...(onReconnected && { onReconnected }),
      ...(onRequest && { onRequest: (_plan, request) => onRequest(request) }),
    });
  }

  get url(): string {
    return this.shown.url;
  }

  get hostname(): string {
    return this.shown.hostname;
  }

  get id(): string {
    return this.shown.id;
  }

  get access(): string {
    return this.shown.access;
  }

  async start(): Promise<void> {
    const { signal } = this.options;
    const stopWatching = new AbortController();
    const aborted = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), {
        signal: stopWatching.signal,
      });
    });
    try {
      await Promise.race([this.exposure.start(), aborted]);
    } catch (error) {
      await this.finish(asClientError(error)).catch(() => undefined);
      throw signal?.aborted ? signal.reason : asClientError(error);
    } finally {
      stopWatching.abort();
    }
    signal?.addEventListener('abort', () => void this.close().catch(() => undefined), { once: true });
    // Aborted between the two.
    if (signal?.aborted) {
      await this.close().catch(() => undefined);
      throw signal.reason;
    }
  }

  close(): Promise<void> {
    return this.finish(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private get shown(): ExposedPreview {
    if (this.preview === null) throw new Error('there is no preview yet');
    return this.preview;
  }

  private show(preview: ExposedPreview): void {
    const isAnother = this.preview !== null && this.preview.url !== preview.url;
    this.preview = preview;
    if (isAnother) this.options.onUrlChange?.(preview.url);
  }

  private finish(reason: ClientError | null): Promise<void> {
    return (this.closing ??= this.cleanUp().finally(() => this.markEnded(reason)));
  }

  private async cleanUp(): Promise<void> {
    const { options, claim, preview } = this;
    // A preview that an earlier run kept stays, even if this run could not start.
    const isLeft = options.keep === true || (preview === null && claim.before !== null);
    this.calls.abort(new ClientError('interrupted', 'the exposure was closed'));
    const removal = isLeft ? null : await this.remove();
    await this.exposure.stop(DRAIN_MS);
    claim.release(isLeft || removal !== null);
    this.http.close();
    if (removal !== null && preview !== null) throw removal;
  }

  /** Resolves with why the preview could not be removed, or null. */
  private async remove(): Promise<ClientError | null> {
    const signal = AbortSignal.timeout(REMOVE_TIMEOUT_MS);
    try {
      const bearer = createBearer(this.settings, this.http);
      await this.exposure.remove(createPreviewApi(this.settings, this.http, { bearer, signal }));
      return null;
    } catch (error) {
      return error instanceof ClientError
        ? error
        : new ClientError('unreachable', 'Culvert does not answer in time', { cause: error });
    }
  }

  private claimName(claim: ReturnType<typeof thisMachine>['running']['claim']): Claim {
    const { options, settings, found } = this;
    const name =
      options.name === undefined ? defaultPreviewName(found.target) : checkPreviewName(options.name, 'name');
    const claimed = claim({
      kind: 'expose',
      server: settings.url,
      name,
      target: showTarget(found.target),
      mayNumber: options.name === undefined,
    });
    if (claimed !== null) return claimed;
    throw new ClientError('conflict', `something else on this machine is exposed with the name ${name}`, {
      hint: 'Close it, or choose another name. "culvert status" shows what is running.',
    });
  }

  private planOf(): PreviewPlan {
    const { options, found, claim } = this;
    const { insecureTarget = found.isOwn, headers, expiresAt } = options;
    const { access = 'team', banner = true, pullRequestUrl, allowUpgrades, keep } = options;
    return {
      name: claim.name,
      target: found.target,
      previewId: claim.before?.previewId ?? null,
      settings: {
        access,
        banner,
        addRequestHeaders: headers,
        hostHeader: options.hostHeader,
        rewriteOrigin: options.rewriteOrigin,
        expiresAt: expiresAt?.toISOString(),
        pullRequestUrl,
        allowUpgrades,
        verifyTls: !insecureTarget,
        keep,
      },
    };
  }
}
