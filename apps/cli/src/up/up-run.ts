/** `culvert up`: exposes the endpoints of a file over one tunnel, and follows changes of the file until it is ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  asClientError,
  type Claim,
  ClientError,
  clientName,
  type ExposedPreview,
  type Machine,
  PreviewExposure,
  type PreviewPlan,
  removeExposed,
  signInHint,
} from '@culvert/client';
import { createApi } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { Ending } from '../ending.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { InspectedEndpoint } from '../inspector/inspected-endpoint.js';
import { LocalInspector } from '../inspector/local-inspector.js';
import { killCommands } from './command-process.js';
import { EndpointRun, shownTarget } from './endpoint-run.js';
import { FileError, showProblem } from './file/parse-file.js';
import { type Endpoint, readUpFile, type UpFile } from './file/read-file.js';
import { diffEndpoints } from './file-diff.js';
import { watchForChanges } from './file-watch.js';
import { previewNameOf } from './preview-settings.js';
import { entryName, managerIdOf, type ProjectFiles } from './project.js';

const REMOVE_TIMEOUT_MS = 5000;
/** Short: a person waits for it after Ctrl-C. */
const DRAIN_MS = 1000;
const CHANGE_GRACE_MS = 2000;

export interface UpRunOptions {
  readonly context: CommandContext;
  readonly machine: Machine;
  readonly files: ProjectFiles;
  /** Port of the inspector, undefined for any free one; null: there is none. */
  readonly inspector: { readonly port: number | undefined } | null;
  /** Called when all endpoints have their URLs; null: no one waits for it. */
  readonly onReady: (() => void) | null;
}

export class UpRun {
  private readonly ending: Ending;
  /** Endpoints by the name of their preview. */
  private readonly runs = new Map<string, EndpointRun>();
  private readonly exposure: PreviewExposure;
  private readonly inspector: LocalInspector | null;
  private isReady = false;
  /** Whether the file no longer has any endpoint of this run. */
  private isEmptied = false;
  /** Changes are applied one after another. */
  private work: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: UpRunOptions,
    private file: UpFile,
    private active: readonly Endpoint[],
    runs: readonly EndpointRun[],
  ) {
    const { settings, bearer, api, output, signal } = options.context;
    this.ending = new Ending(signal);
    for (const run of runs) this.runs.set(run.plan.name, run);
    const { inspector: wanted } = options;
    const inspector =
      wanted === null
        ? null
        : new LocalInspector({ output, port: wanted.port, endpoints: () => this.inspected() });
    this.inspector = inspector;
    this.exposure = new PreviewExposure({
      url: settings.url,
      ca: settings.ca,
      bearer,
      api,
      managerId: managerIdOf(options.machine.id, file.path),
      name: `${clientName()}: ${file.name}`,
      plans: runs.map(({ plan }) => plan),
      onMade: (plan, preview) => this.runOf(plan)?.handleMade(preview),
      onPreview: (plan, preview) => this.runOf(plan)?.handlePreview(preview),
      onGone: (plan, preview) => this.handleGone(plan, preview),
      onLost: (reason) => output.note(`Lost the connection to Culvert (${reason}). Reconnecting …`),
      onReconnected: () => output.note('Reconnected.'),
      onEnded: (error) => this.ending.end(error),
      onTargetFailure: (plan, failure) => this.runOf(plan)?.handleFailure(failure),
      onRequest: (plan, request) => this.runOf(plan)?.handleRequest(request),
      ...(inspector && { recorderOf: (plan) => inspector.recorderOf(this.inspectedOf(plan)) }),
    });
  }

  /** @param endpoints those of the file that are wanted. @throws CliError if another run has one of them */
  static async create(options: UpRunOptions, file: UpFile, endpoints: readonly Endpoint[]): Promise<UpRun> {
    const runs: EndpointRun[] = [];
    try {
      for (const endpoint of endpoints) {
        const run = newRun(options, file, endpoint);
        runs.push(run);
        await run.prepare();
      }
      return new UpRun(options, file, endpoints, runs);
    } catch (error) {
      await Promise.all(runs.map((run) => run.stop(run.hasUrl)));
      throw error;
    }
  }

  async run(): Promise<ExitCode> {
    const { ending, exposure } = this;
    const { context, files } = this.options;
    const { output, settings } = context;
    const stops: (() => void)[] = [];
    let failure: unknown;
    try {
      if (output.isWatched) output.note(`Connecting to ${settings.url} …`);
      const started = exposure.start();
      this.work = started.catch(() => undefined);
      await ending.unless(started);
      await this.startInspector();
      this.isReady = true;
      this.options.onReady?.();
      output.note(
        `Changes of ${this.file.path} apply when it is saved. Ctrl-C ends this and keeps the URLs.`,
      );
      for (const path of [this.file.path, files.selection])
        stops.push(watchForChanges(path, () => this.enqueue(() => this.reload())));
      // What was saved meanwhile.
      this.enqueue(() => this.reload());
      await ending.reached;
    } catch (error) {
      failure = error;
    }
    for (const stop of stops) stop();
    await this.stop();
    if (this.isEmptied || (ending.isAsked && this.isReady)) return EXIT.ok;
    throw failure;
  }

  private async stop(): Promise<void> {
    const { output } = this.options.context;
    // Asked first: the command that removes the URLs waits only until the endpoints are released.
    const { isBeingRemoved } = this.options.files;
    // A second signal, which would end this process alone, ends the commands too.
    process.once('SIGINT', endNow).once('SIGTERM', endNow);
    if (this.isReady) output.note('Ending. Press Ctrl-C again to end the commands at once.');
    await this.inspector?.close();
    const stopped = this.exposure.stop(DRAIN_MS);
    // A change that is being applied.
    await Promise.race([this.work, sleep(CHANGE_GRACE_MS, undefined, { ref: false })]);
    const isFailedStart = !this.isReady && !this.ending.isAsked;
    const end = async (run: EndpointRun): Promise<void> =>
      run.stop(isFailedStart ? await this.keepsUrl(run) : run.hasUrl);
    await Promise.all([stopped, ...[...this.runs.values()].map(end)]);
    process.off('SIGINT', endNow).off('SIGTERM', endNow);
    if (!this.isReady || this.runs.size === 0) return;
    output.note(isBeingRemoved ? 'Ended by "culvert down --remove".' : 'Kept the URLs for the next run.');
  }

  /**
   * Removes the preview of an endpoint that could not be started, if this run made it: each further attempt would leave another.
   * Resolves with whether there still is a URL for the next run.
   */
  private async keepsUrl({ name, hasUrl, newPreview }: EndpointRun): Promise<boolean> {
    if (newPreview === null) return hasUrl;
    try {
      const { settings, http, bearer } = this.options.context;
      // The context's signal may have fired, so these calls have a time limit of their own.
      const signal = AbortSignal.timeout(REMOVE_TIMEOUT_MS);
      const api = createApi({
        url: settings.url,
        http,
        bearer,
        signInHint: signInHint(settings),
        signal,
      });
      await removeExposed(api, { trafficManagerId: null, previews: [newPreview] });
      return false;
    } catch (error) {
      this.options.context.output.note(
        `${name} | ${newPreview.url} could not be removed and is kept for the next run: ${asClientError(error).message}`,
      );
      return true;
    }
  }

  private async startInspector(): Promise<void> {
    const inspector = (await this.inspector?.start()) ?? null;
    for (const { claim } of this.runs.values()) claim.update({ inspector });
  }

  /** The endpoints as the inspector shows them. */
  private inspected(): InspectedEndpoint[] {
    return [...this.runs.values()].map(({ plan }) => this.inspectedOf(plan));
  }

  private inspectedOf(plan: PreviewPlan): InspectedEndpoint {
    return {
      name: this.runOf(plan)?.name ?? plan.name,
      url: () => this.exposure.previewOf(plan)?.url ?? null,
      target: plan.target,
      verifyTls: plan.settings.verifyTls !== false,
    };
  }

  private runOf({ name }: PreviewPlan): EndpointRun | null {
    return this.runs.get(name) ?? null;
  }

  private handleGone(plan: PreviewPlan, { url }: ExposedPreview): void {
    const run = this.runOf(plan);
    if (run === null) return;
    this.enqueue(async () => {
      this.options.context.output.note(`${run.name} | ${url} no longer exists: it expired or was removed.`);
      await this.remove(run, { isGone: true });
      if (this.runs.size > 0) return;
      this.ending.end(
        new ClientError('not_found', 'the URLs of this file no longer exist', {
          hint: 'Run the command again to get new ones.',
        }),
      );
    });
  }

  private enqueue(work: () => Promise<void>): void {
    this.work = this.work
      .then(() => (this.ending.isReached ? undefined : work()))
      .catch((error: unknown) => this.report(error));
  }

  /** Applies the file as it is now. An invalid file changes nothing. */
  private async reload(): Promise<void> {
    const { context, files } = this.options;
    const { output } = context;
    let next: UpFile;
    try {
      next = readUpFile(this.file.path, context.env, { isNamed: this.file.isNamed });
    } catch (error) {
      this.report(error);
      output.note('The file was not applied. What it had before stays in effect.');
      return;
    }
    const { name, url, apiKey } = this.file;
    if (next.name !== name || next.url !== url || next.apiKey !== apiKey)
      output.note('Changes of name, url and apiKey apply when the command is started again.');
    this.file = { ...next, name, url, apiKey };
    const chosen = files.readSelection();
    const wanted = next.endpoints.filter((each) => chosen?.includes(each.name) ?? true);
    await this.applyAll(wanted);
    if (wanted.length > 0) return;
    output.note('No endpoint is left of those that this run was started with.');
    this.isEmptied = true;
    this.ending.end(new CliError(EXIT.ok, 'no endpoint is left'));
  }

  private async applyAll(wanted: readonly Endpoint[]): Promise<void> {
    const { added, removed, changed } = diffEndpoints(this.active, wanted);
    // Removed first, so that an added endpoint may have the target of a removed one.
    for (const { name } of removed) {
      const run = this.runs.get(previewNameOf(this.file.name, name));
      if (run === undefined) continue;
      await this.attempt(name, () => this.remove(run, { isGone: false }));
    }
    const applied = new Set<Endpoint>(wanted);
    for (const { before, after } of changed) {
      const run = this.runs.get(previewNameOf(this.file.name, after.name));
      const isDone = await this.attempt(after.name, async () => {
        if (run === undefined) return this.add(after);
        await run.apply(after, (from, to) => this.exposure.change(from, to));
        this.options.context.output.note(`${after.name} | changed.`);
      });
      if (isDone) continue;
      applied.delete(after);
      if (run !== undefined) applied.add(before);
    }
    for (const endpoint of added)
      if (!(await this.attempt(endpoint.name, () => this.add(endpoint)))) applied.delete(endpoint);
    this.active = [...applied];
  }

  /** Resolves with whether it succeeded. One endpoint that fails does not stop the others. */
  private async attempt(name: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const { message, hint } = asClientError(error);
      this.options.context.output.note(
        `${name} | not changed: ${message}${hint === undefined ? '' : `. ${hint}`}`,
      );
      return false;
    }
  }

  private async add(endpoint: Endpoint): Promise<void> {
    const run = newRun(this.options, this.file, endpoint);
    try {
      await run.prepare();
      this.runs.set(run.plan.name, run);
      await this.exposure.add(run.plan);
    } catch (error) {
      this.runs.delete(previewNameOf(this.file.name, endpoint.name));
      await run.stop(await this.keepsUrl(run));
      throw error;
    }
  }

  /** Removes an endpoint that the file no longer has, with its URL, or that was deselected, whose URL stays. */
  private async remove(run: EndpointRun, { isGone }: { readonly isGone: boolean }): Promise<void> {
    const { plan } = run;
    const isInFile = this.file.endpoints.some(({ name }) => name === run.name);
    const isKept = isInFile && !isGone;
    if (!isKept && !isGone) await this.exposure.remove(this.options.context.api, [plan]);
    this.exposure.drop(plan);
    this.runs.delete(plan.name);
    this.active = this.active.filter(({ name }) => name !== run.name);
    await run.stop(isKept);
    if (!isGone) this.options.context.output.note(`${run.name} | ${isKept ? 'ended' : 'removed'}.`);
  }

  private report(error: unknown): void {
    const { output } = this.options.context;
    const known = asClientError(error);
    const problems = known instanceof FileError ? known.problems : [];
    for (const problem of problems.slice(0, -1)) output.error(showProblem(this.file.path, problem));
    const last = problems.at(-1);
    output.error(last === undefined ? known.message : showProblem(this.file.path, last), known.hint);
  }
}

function endNow(): void {
  killCommands();
  process.exit(EXIT.interrupted);
}

function newRun({ context, machine }: UpRunOptions, file: UpFile, endpoint: Endpoint): EndpointRun {
  const claim: Claim | null = machine.running.claim({
    kind: 'up',
    server: context.settings.url,
    name: entryName(file.name, endpoint.name),
    target: shownTarget(endpoint),
    mayNumber: false,
    file: file.path,
  });
  if (claim === null) {
    throw new CliError(
      EXIT.conflict,
      `another "culvert up" runs the endpoint ${endpoint.name} of this file`,
      {
        hint: 'End it with "culvert down". "culvert status" shows what is running.',
      },
    );
  }
  return new EndpointRun(
    {
      output: context.output,
      env: context.env,
      project: file.name,
      claim,
      onFault: (error) => context.output.error(asClientError(error).message),
    },
    endpoint,
  );
}
