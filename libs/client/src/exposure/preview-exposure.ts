/**
 * Exposes targets of this machine, each with its preview, over one tunnel. Makes the previews or uses those of an earlier run,
 * makes others if they ended with a lost session, and notices when a preview is removed.
 */
import type { Credential } from '@culvert/api-client';
import type { IngressFailure } from '@culvert/outbound';
import { asClientError, ClientError } from '../client-error.js';
import type { SeenRequest } from '../requests/http1-watch.js';
import type { RequestRecorder } from '../requests/request-recorder.js';
import type { Target } from '../target/target.js';
import {
  adoptPreview,
  createExposedPreview,
  type PreviewSettings,
  removeExposed,
  removePreviews,
  wantedPreview,
  withHostHeader,
} from './exposed-preview.js';
import { Exposure, type ExposureTarget } from './exposure.js';
import type { ExposedPreview, PreviewApi } from './preview-api.js';

/** Limit for the first connection if Culvert answers but accepts no tunnel: it may be starting. */
const FIRST_CONNECTION_TIMEOUT_MS = 20_000;
/** Interval between checks that the previews still exist. */
const LOOK_MS = 10_000;

/** Scopes that a traffic manager's key needs; `sessions:write` only to leave nothing behind. */
const SCOPES = ['tunnel', 'sessions:read', 'previews:write'] as const;

/** A target and the preview that it should have. */
export interface PreviewPlan {
  /** Name in lists (`checkPreviewName`), unique within the exposure. */
  readonly name: string;
  readonly target: Target;
  readonly settings: PreviewSettings;
  /** The preview of an earlier run, which is used again if it still exists. */
  readonly previewId: string | null;
}

export interface PreviewExposureOptions {
  /** URL of Culvert. */
  readonly url: string;
  /** PEM certificates to trust for Culvert, in addition to the usual ones. */
  readonly ca: string | undefined;
  readonly bearer: Credential;
  readonly api: PreviewApi;
  /** Manager id, the same at every run. */
  readonly managerId: string;
  /** Name shown to people. */
  readonly name: string;
  /** At least one; `add`, `change` and `drop` change them. No two have the same target. */
  readonly plans: readonly PreviewPlan[];
  /** Records a preview, so that it can be found again whatever happens next. */
  readonly onMade?: (plan: PreviewPlan, preview: ExposedPreview) => void;
  /** A preview is complete: at the start, or in place of one that ended. */
  readonly onPreview: (plan: PreviewPlan, preview: ExposedPreview) => void | Promise<void>;
  /** A preview ended while this machine was offline. Another follows. */
  readonly onExpired?: (plan: PreviewPlan, preview: ExposedPreview) => void;
  /** A preview expired or was removed. Absent: that is a failure of the exposure. */
  readonly onGone?: (plan: PreviewPlan, preview: ExposedPreview) => void;
  /** The tunnel is lost; the exposure reconnects. @param reason for people */
  readonly onLost?: (reason: string) => void;
  readonly onReconnected?: () => void;
  /** The exposure has failed, and `start` rejects if it waits for the connection: call `remove`, then `stop`. */
  readonly onEnded: (error: ClientError) => void;
  readonly onTargetFailure?: (plan: PreviewPlan, failure: IngressFailure) => void;
  /** Watches requests. Absent: requests are not watched. */
  readonly onRequest?: (plan: PreviewPlan, request: SeenRequest) => void;
  /** Returns what records the requests of a plan. Absent: requests are not recorded. */
  readonly recorderOf?: (plan: PreviewPlan) => RequestRecorder;
}

export class PreviewExposure {
  private readonly exposure: Exposure;
  private readonly plans: Set<PreviewPlan>;
  private readonly targets = new Map<PreviewPlan, ExposureTarget>();
  /** Previews that exist. */
  private readonly made = new Map<PreviewPlan, ExposedPreview>();
  /** Plans whose preview is complete. */
  private readonly shown = new Set<PreviewPlan>();
  private sessionId: string | null = null;
  private trafficManagerId: string | null = null;
  private isOver = false;
  private readonly looks: NodeJS.Timeout;
  private readonly connected: Promise<void>;
  private markConnected!: () => void;
  private failConnected!: (error: ClientError) => void;

  /** Starts dialing at once. @throws ClientError if two plans have the same target */
  constructor(private readonly options: PreviewExposureOptions) {
    const { url, ca, bearer, managerId, name, plans } = options;
    this.plans = new Set(plans);
    this.connected = new Promise((resolve, reject) => {
      this.markConnected = resolve;
      this.failConnected = reject;
    });
    // A caller that does not start the exposure must not end the process.
    this.connected.catch(() => undefined);
    this.exposure = new Exposure({
      url,
      ca,
      bearer,
      managerId,
      name,
      targets: plans.map((plan) => this.targetOf(plan)),
      onConnected: (sessionId) => this.handleConnected(sessionId),
      onLost: (reason) => options.onLost?.(reason),
      onEnded: (error) => this.end(error),
    });
    this.looks = setInterval(() => this.lookAtAll(), LOOK_MS);
  }

  /** Resolves when every preview is complete. Rejects with a `ClientError`; then call `remove` and `stop`. */
  async start(): Promise<void> {
    const { api } = this.options;
    const plans = [...this.plans];
    const late = setTimeout(() => this.failConnected(acceptsNoConnections()), FIRST_CONNECTION_TIMEOUT_MS);
    const adopted = plans.map((plan) => this.adopt(plan));
    const [me, found] = await Promise.all([api.call('getMe'), Promise.all(adopted), this.connected]).finally(
      () => clearTimeout(late),
    );
    const missing = SCOPES.find((scope) => !me.scopes.includes(scope));
    if (missing !== undefined) {
      throw new ClientError('refused', `your credential lacks the scope ${missing}`, {
        hint: `Use a credential with the scopes ${SCOPES.join(', ')}, and sessions:write to remove everything at the end.`,
      });
    }
    this.trafficManagerId =
      found.find((each) => each?.trafficManagerId)?.trafficManagerId ??
      (await api.call('getSession', { sessionId: this.sessionId ?? '' })).trafficManagerId;
    for (const [index, plan] of plans.entries()) {
      // Previews that are made after the end would not be removed.
      if (this.isOver) throw new ClientError('interrupted', 'the exposure has ended');
      await this.show(plan, found[index] ?? (await this.create(plan)));
    }
  }

  /** Exposes one more target. Resolves when its preview is complete. Rejects with a `ClientError`; then it is not exposed. */
  async add(plan: PreviewPlan): Promise<void> {
    this.exposure.add(this.targetOf(plan));
    this.plans.add(plan);
    try {
      await this.show(plan, (await this.adopt(plan)) ?? (await this.create(plan)));
    } catch (error) {
      this.drop(plan);
      throw error;
    }
  }

  /**
   * Replaces a plan and keeps its URL: the preview of `before` is changed in place. Streams that are open continue, even to
   * another target. Rejects with a `ClientError` if the preview cannot be changed; then `before` still applies.
   */
  async change(before: PreviewPlan, after: PreviewPlan): Promise<void> {
    this.exposure.add(this.targetOf(after));
    const previewId = this.made.get(before)?.id ?? after.previewId;
    try {
      await this.show(after, (await this.adopt({ ...after, previewId })) ?? (await this.create(after)));
    } catch (error) {
      // A preview that was made in place of one that is gone is not made once more.
      const preview = this.made.get(after);
      this.forget(after);
      if (preview !== undefined && this.plans.has(before)) this.made.set(before, preview);
      throw error;
    }
    this.forget(before);
    this.plans.add(after);
  }

  /** Ends a plan, with the requests in progress. Its preview stays, unless `remove` was called before. */
  drop(plan: PreviewPlan): void {
    const target = this.targets.get(plan);
    if (target !== undefined) this.exposure.cut(target);
    this.forget(plan);
  }

  /** Returns the preview of a plan, or null before it exists. */
  previewOf(plan: PreviewPlan): ExposedPreview | null {
    return this.made.get(plan) ?? null;
  }

  /**
   * Removes the previews of `some` plans; by default, everything that the exposure made. Visitors get an error page from then on.
   * @param api whose signal has not fired
   * @throws ClientError if something stays that others can see
   */
  async remove(api: PreviewApi, some?: readonly PreviewPlan[]): Promise<void> {
    const plans = some ?? [...this.plans];
    if (some === undefined) this.isOver = true;
    const { sessionId } = this;
    const previews = plans.flatMap((plan) => this.made.get(plan) ?? []);
    // What is removed here is not missed.
    for (const plan of plans) this.shown.delete(plan);
    if (some !== undefined) return removePreviews(api, previews);
    if (sessionId === null) return;
    const trafficManagerId =
      this.trafficManagerId ?? (await api.call('getSession', { sessionId })).trafficManagerId;
    await removeExposed(api, { trafficManagerId, previews });
  }

  /** Disconnects. Lets requests in progress finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.isOver = true;
    clearInterval(this.looks);
    await this.exposure.stop(graceMs);
  }

  /** Open streams continue. */
  private forget(plan: PreviewPlan): void {
    const target = this.targets.get(plan);
    if (target !== undefined) this.exposure.forget(target);
    this.targets.delete(plan);
    this.plans.delete(plan);
    this.shown.delete(plan);
    this.made.delete(plan);
  }

  private targetOf(plan: PreviewPlan): ExposureTarget {
    const { onRequest, onTargetFailure, recorderOf } = this.options;
    const target: ExposureTarget = {
      target: plan.target,
      verifyTls: plan.settings.verifyTls !== false,
      onFailure: (failure) => onTargetFailure?.(plan, failure),
      ...(onRequest && { onRequest: (request: SeenRequest) => onRequest(plan, request) }),
      ...(recorderOf && { recorder: recorderOf(plan) }),
    };
    this.targets.set(plan, target);
    return target;
  }

  /** Resolves with the preview of an earlier run, changed as the plan wants it; null if there is none. */
  private async adopt({ previewId, target, settings }: PreviewPlan): Promise<ExposedPreview | null> {
    if (previewId === null) return null;
    return adoptPreview(this.options.api, previewId, wantedPreview(target, settings));
  }

  private create({ name, target, settings }: PreviewPlan): Promise<ExposedPreview> {
    const { api } = this.options;
    const trafficManagerId = this.trafficManagerId ?? '';
    const wanted = wantedPreview(target, settings);
    return createExposedPreview(api, { trafficManagerId, name, target, wanted });
  }

  private async show(plan: PreviewPlan, preview: ExposedPreview): Promise<void> {
    const { api, onMade, onPreview } = this.options;
    const { target, settings } = plan;
    this.made.set(plan, preview);
    onMade?.(plan, preview);
    const wanted = wantedPreview(target, settings);
    const complete = await withHostHeader(api, preview, { wanted, hostHeader: settings.hostHeader });
    this.made.set(plan, complete);
    this.shown.add(plan);
    await onPreview(plan, complete);
  }

  private handleConnected(sessionId: string): void {
    const isResumed = this.sessionId === null || this.sessionId === sessionId;
    this.sessionId = sessionId;
    this.markConnected();
    if (this.shown.size === 0) return;
    this.options.onReconnected?.();
    for (const plan of this.shown) {
      if (isResumed || plan.settings.keep === true) void this.look(plan);
      else void this.replace(plan).catch((error: unknown) => this.end(asClientError(error)));
    }
  }

  /** Creates another preview if the first ended with its session, as happens while a laptop sleeps. */
  private async replace(plan: PreviewPlan): Promise<void> {
    const preview = this.made.get(plan);
    if (preview === undefined || this.isOver) return;
    if (await exists(this.options.api.call('getPreview', { previewId: preview.id }))) return;
    this.options.onExpired?.(plan, preview);
    await this.show(plan, await this.create(plan));
  }

  private lookAtAll(): void {
    for (const plan of this.shown) void this.look(plan);
  }

  /** Checks that the preview still exists: it may have been removed or have expired. */
  private async look(plan: PreviewPlan): Promise<void> {
    const preview = this.made.get(plan);
    if (preview === undefined || this.isOver) return;
    const { api } = this.options;
    if (await exists(api.call('getPreview', { previewId: preview.id }))) return;
    // It ended with its session while this machine slept; the next session creates another.
    const session = await api.call('getSession', { sessionId: this.sessionId ?? '' }).catch(() => null);
    if (session?.state === 'ended' && plan.settings.keep !== true) return;
    const { onGone } = this.options;
    if (onGone !== undefined) {
      if (this.shown.delete(plan)) onGone(plan, preview);
      return;
    }
    const gone = `the preview ${preview.url} no longer exists: it expired or was removed`;
    this.end(new ClientError('not_found', gone, { hint: 'Run the command again to get a new one.' }));
  }

  private end(error: ClientError): void {
    this.failConnected(error);
    if (this.isOver) return;
    this.isOver = true;
    this.options.onEnded(error);
  }
}

/** Returns false if the server answers that it does not exist. If the server cannot be asked, it counts as existing. */
async function exists(found: Promise<unknown>): Promise<boolean> {
  try {
    await found;
    return true;
  } catch (error) {
    return !(error instanceof ClientError) || error.code !== 'not_found';
  }
}

function acceptsNoConnections(): ClientError {
  return new ClientError('unreachable', 'Culvert does not accept connections at the moment', {
    hint: 'It may be starting. Try again in a minute.',
  });
}
