/** `culvert expose`: exposes a target of this machine through a preview and shows its requests until it is ended. */
import { WORKSTATION_PREFIX } from '@culvert/contract';
import { createApi, type Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import { clientName } from '../client-name.js';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { thisMachine } from '../machine/machine.js';
import type { Claim } from '../machine/running.js';
import { previewName } from '../preview/find-preview.js';
import { printPreviewUrl } from '../preview/preview-url.js';
import { signInHint } from '../settings/bearer.js';
import { RequestLog } from '../requests/request-log.js';
import { parseTarget, showTarget, type Target } from '../target/target.js';
import { TargetWatch } from '../target/target-watch.js';
import type { ExposeFlags } from './expose-flags.js';
import {
  adoptPreview,
  checkName,
  createExposedPreview,
  nameOf,
  removeExposed,
  wantedPreview,
  withHostHeader,
} from './exposed-preview.js';
import { Exposure } from './exposure.js';

/** Limit for the first connection if Culvert answers but accepts no tunnel: it may be starting. */
const FIRST_CONNECTION_TIMEOUT_MS = 20_000;
/** Short: a person waits for it after Ctrl-C. */
const REMOVE_TIMEOUT_MS = 5000;
const DRAIN_MS = 1000;
/** Interval between checks that the preview still exists. */
const LOOK_MS = 10_000;

/** Scopes that a traffic manager's key needs; `sessions:write` only to leave nothing behind. */
const SCOPES = ['tunnel', 'sessions:read', 'previews:write'] as const;

export async function expose(context: CommandContext, text: string, flags: ExposeFlags): Promise<ExitCode> {
  const target = parseTarget(text);
  if (flags.insecureTarget === true && !target.isTls) {
    throw new CliError(EXIT.usage, `--insecure-target: ${showTarget(target)} does not use TLS`, {
      hint: `Expose https://${showTarget(target)}, or leave the flag out.`,
    });
  }
  const { id, running } = thisMachine(context.env);
  // Fails early if no one is signed in, before anything is claimed.
  const { bearer: _bearer, settings } = context;
  const { url } = settings;
  const name = flags.name === undefined ? nameOf(target) : checkName(flags.name);
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
  private readonly log: RequestLog;
  private readonly exposure: Exposure;
  private sessionId: string | null = null;
  private trafficManagerId: string | null = null;
  private preview: Preview | null = null;
  private isShown = false;
  private readonly connected: Promise<void>;
  private markConnected!: () => void;

  constructor(
    private readonly context: CommandContext,
    private readonly flags: ExposeFlags,
    private readonly target: Target,
    machineId: string,
    private readonly claim: Claim,
  ) {
    const { settings, bearer, output, signal } = context;
    this.ending = new Ending(signal);
    this.connected = new Promise((resolve) => {
      this.markConnected = resolve;
    });
    this.log = new RequestLog(output);
    this.watch = new TargetWatch({ target, note: (text) => output.note(text) });
    this.exposure = new Exposure({
      url: settings.url,
      ca: settings.ca,
      bearer,
      managerId: `${WORKSTATION_PREFIX}${machineId}/${claim.name}`,
      name: `${clientName()}: ${showTarget(target)}`,
      target,
      verifyTls: flags.insecureTarget !== true,
      onConnected: (sessionId) => this.handleConnected(sessionId),
      onLost: (reason) => output.note(`Lost the connection to Culvert (${reason}). Reconnecting …`),
      onEnded: (error) => this.ending.end(error),
      onTargetFailure: (failure) => this.watch.handleFailure(failure),
      ...(flags.log && { onRequest: (request) => this.log.add(request) }),
    });
  }

  async run(): Promise<ExitCode> {
    const { ending, flags } = this;
    const looks = setInterval(() => void this.look(), LOOK_MS);
    let failure: unknown;
    try {
      void this.watch.start();
      await ending.unless(this.start());
      await ending.reached;
    } catch (error) {
      failure = error;
    }
    clearInterval(looks);
    this.watch.close();
    const isRemoved = await this.cleanUp(ending.isAsked && flags.keep === true);
    this.log.close();
    // The result is a failure if it did not start, or if a person did not end it.
    if (!ending.isAsked || !this.isShown) throw failure;
    return isRemoved ? EXIT.ok : EXIT.failure;
  }

  private async start(): Promise<void> {
    const { context, flags, target, claim } = this;
    const { api, output, settings } = context;
    if (output.isWatched) output.note(`Connecting to ${settings.url} …`);
    const wanted = wantedPreview(target, flags);
    const { before } = claim;
    const [me, found] = await Promise.all([
      api.call('getMe'),
      before?.previewId ? adoptPreview(api, before.previewId, wanted) : null,
      this.ending.within(FIRST_CONNECTION_TIMEOUT_MS, this.connected, takesNoConnections),
    ]);
    const missing = SCOPES.find((scope) => !me.scopes.includes(scope));
    if (missing !== undefined) {
      throw new CliError(EXIT.refused, `your credential lacks the scope ${missing}`, {
        hint: `It needs ${SCOPES.join(', ')}, and sessions:write to leave nothing behind.`,
      });
    }
    const trafficManagerId =
      found?.trafficManagerId ??
      (await api.call('getSession', { sessionId: this.sessionId ?? '' })).trafficManagerId;
    this.trafficManagerId = trafficManagerId;
    claim.update({ trafficManagerId });
    await this.show(
      found ?? (await createExposedPreview(api, { trafficManagerId, name: claim.name, target, wanted })),
    );
    const ends = flags.keep === true ? 'ends this and keeps the URL' : 'ends this and removes the URL';
    output.note(`Requests go to ${showTarget(target)}. Ctrl-C ${ends}.`);
  }

  private async show(preview: Preview): Promise<void> {
    const { context, flags, target, claim } = this;
    const { hostHeader } = flags;
    this.preview = preview;
    // Recorded first, so that the preview can be found again whatever happens next.
    claim.update({ url: preview.url, previewId: preview.id });
    this.preview = await withHostHeader(context.api, preview, {
      wanted: wantedPreview(target, flags),
      hostHeader,
    });
    this.isShown = true;
    await printPreviewUrl(context.output, this.preview, { target: showTarget(target), qr: flags.qr });
  }

  private handleConnected(sessionId: string): void {
    const isResumed = this.sessionId === null || this.sessionId === sessionId;
    this.sessionId = sessionId;
    this.markConnected();
    if (!this.isShown) return;
    this.context.output.note('Reconnected.');
    if (isResumed || this.flags.keep === true) void this.look();
    else void this.replace().catch((error: unknown) => this.ending.end(error));
  }

  /** Creates another preview if the first ended with its session, as happens while a laptop sleeps. */
  private async replace(): Promise<void> {
    const { context, flags, target, claim, trafficManagerId } = this;
    const { api, output } = context;
    if (this.preview === null || trafficManagerId === null || this.ending.isReached) return;
    if (await isThere(api.call('getPreview', { previewId: this.preview.id }))) return;
    output.note(`${this.preview.url} ended because this machine was offline for too long. The new URL:`);
    const wanted = wantedPreview(target, flags);
    await this.show(await createExposedPreview(api, { trafficManagerId, name: claim.name, target, wanted }));
  }

  /** Checks that the preview still exists: it may have been removed or have expired. */
  private async look(): Promise<void> {
    if (this.preview === null || this.ending.isReached) return;
    const { context, sessionId } = this;
    const { url, id } = this.preview;
    if (await isThere(context.api.call('getPreview', { previewId: id }))) return;
    // It ended with its session while this machine slept; the next session creates another.
    const session = await context.api.call('getSession', { sessionId: sessionId ?? '' }).catch(() => null);
    if (session?.state === 'ended' && this.flags.keep !== true) return;
    const gone = `the preview ${url} no longer exists: it expired or was removed`;
    this.ending.end(new CliError(EXIT.notFound, gone, { hint: 'Run the command again to get a new one.' }));
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
    if (this.isShown && this.preview !== null && isRemoved)
      output.note(keep ? `Kept ${this.preview.url} for the next run.` : `Removed ${this.preview.url}`);
    return isRemoved;
  }

  private async remove(): Promise<boolean> {
    const { settings, http, bearer, output } = this.context;
    const { trafficManagerId, preview, sessionId } = this;
    if (sessionId === null) return true;
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
      const id =
        trafficManagerId ?? (await api.call('getSession', { sessionId: sessionId })).trafficManagerId;
      await removeExposed(api, { trafficManagerId: id, preview });
      return true;
    } catch (error) {
      if (preview === null) return true;
      const why = error instanceof CliError ? error.message : 'Culvert does not answer in time';
      output.note(`Could not remove ${preview.url}: ${why}.`);
      output.note(
        `  Run "culvert preview remove ${previewName(preview.hostname)}", or the same command again.`,
      );
      return false;
    }
  }
}

/** Returns false if the server answers that it does not exist. If the server cannot be asked, it counts as existing. */
async function isThere(found: Promise<unknown>): Promise<boolean> {
  try {
    await found;
    return true;
  } catch (error) {
    return !(error instanceof CliError) || error.exitCode !== EXIT.notFound;
  }
}

function takesNoConnections(): CliError {
  return new CliError(EXIT.unreachable, 'Culvert accepts no connections at the moment', {
    hint: 'Try again later.',
  });
}
