/** The unary gRPC calls of Telepresence's programs, each a handed-off stream (docs/telepresence.md). */
import type { Scope } from '@culvert/domain';
import { Field, type RequestHead } from '@culvert/http1';
import type { HandedOffStream } from '@culvert/relay';
import {
  GrpcStatus,
  MessageError,
  type Method,
  Methods,
  ReviewStatus,
  type VersionInfo,
} from '@culvert/telepresence';
import type { Logger } from 'pino';
import { type CallAuthenticator, CallError, type Credentials, type GrpcCaller } from './credentials.js';
import type { RequestedPreviews } from './requested-previews.js';
import { TeamQueues } from './team-queues.js';
import { answerCall, CallWait, failCall, readMessage } from './unary-call.js';

const MANAGER_ID = /^[\x21-\x7e]{1,255}$/;
const VERSION = /^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]{1,64})?)$/;
const SERVICE_NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
/** Maximum number of previews of one team that wait to be created or removed. */
const MAX_QUEUED = 1000;

/** The origin of a call. */
interface CallOrigin {
  readonly caller: GrpcCaller;
  /** `x-telepresence-managerid`, or empty. */
  readonly managerId: string;
  readonly wait: CallWait;
}

type Handler<Request, Response> = (request: Request, origin: CallOrigin) => Promise<Response> | Response;

export interface TelepresenceServicesOptions {
  readonly authenticator: CallAuthenticator;
  readonly previews: RequestedPreviews;
  /** `registry/repository/name:tag`; null: Telepresence's own image of the version that calls. */
  readonly agentImage: string | null;
  readonly log: Logger;
}

type Answer = (stream: HandedOffStream, wait: CallWait) => Promise<Buffer>;

/** Calls with one answer. Each is so small that it is read as a whole and answered at once. */
export class TelepresenceServices {
  private readonly answers = new Map<string, Answer>();
  private readonly queues = new TeamQueues(MAX_QUEUED);

  constructor(private readonly options: TelepresenceServicesOptions) {
    this.register();
  }

  /** Answers any call. Never rejects. */
  async serveCall(stream: HandedOffStream): Promise<void> {
    const { target } = stream.head;
    try {
      const answer = this.answers.get(target);
      if (answer === undefined)
        throw new CallError(GrpcStatus.UNIMPLEMENTED, 'Culvert does not support this call');
      const wait = new CallWait();
      answerCall(stream, await wait.within(stream.head, answer(stream, wait)));
    } catch (error) {
      if (!failCall(stream, error)) this.options.log.error({ err: error, path: target }, 'a call failed');
    }
  }

  /**
   * Registers the calls. The scopes are the fewest that the key which Telepresence sends has: the key of a manager, a
   * workstation or an agent.
   */
  private register(): void {
    this.registerPreviews();
    this.registerAnswers();
    this.serveReports(Methods.reportAvailableNamespaces, ['previews:write']);
    this.serveReports(Methods.reportAvailableServices, ['previews:write']);
  }

  /** Registers the calls that make and remove previews. */
  private registerPreviews(): void {
    const { previews } = this.options;
    this.serve(Methods.createDomain, ['tunnel', 'previews:write'], async (request, origin) => {
      const { caller, managerId, wait } = origin;
      if (!MANAGER_ID.test(managerId))
        throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the header x-telepresence-managerid is missing');
      const domain = this.queues.add(caller.teamId, () => {
        wait.check();
        return previews.open(caller, managerId, request);
      });
      if (domain === null)
        throw new CallError(
          GrpcStatus.RESOURCE_EXHAUSTED,
          'too many previews of the team are requested at once',
        );
      return { domain: await domain };
    });
    this.serve(Methods.removeDomain, ['tunnel'], ({ domain }, { caller, managerId }) => {
      const hostname = domain.toLowerCase().replace(/^https?:\/\//, '');
      const calledAt = new Date();
      this.removeLater(caller, ({ teamId, actor }) =>
        previews.close(teamId, managerId, hostname, { actor, calledAt }),
      );
      return {};
    });
    this.serve(Methods.removeIntercept, ['tunnel'], ({ interceptId }, { caller, managerId }) => {
      const calledAt = new Date();
      this.removeLater(caller, ({ teamId, actor }) =>
        previews.closeIntercept(teamId, managerId, interceptId, { actor, calledAt }),
      );
      return {};
    });
  }

  /** Registers the calls that change nothing. */
  private registerAnswers(): void {
    const { previews, agentImage } = this.options;
    this.serveAnybody(Methods.preferredAgent, (version) => ({ imageName: agentImage ?? imageOf(version) }));
    this.serveAnybody(Methods.unauthenticatedCommandMessages, () => ({ intercept: '' }));
    this.serve(Methods.reviewIntercept, ['previews:read'], () => ({ status: ReviewStatus.ALLOW, msg: '' }));
    this.serve(Methods.resolveIngressInfo, ['previews:read'], async (request, { caller: { teamId } }) => {
      const { namespace, serviceName, servicePort } = request;
      if (!SERVICE_NAME.test(serviceName) || (namespace !== '' && !SERVICE_NAME.test(namespace)))
        throw new CallError(
          GrpcStatus.INVALID_ARGUMENT,
          'the service name is not one that a cluster can have',
        );
      if (servicePort < 0 || servicePort > 65_535)
        throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the service port is not valid');
      const ingress = await previews.resolveIngress(teamId, {
        namespace,
        name: serviceName,
        port: servicePort,
      });
      const { host, port, useTls, l5Host } = ingress;
      return { host, port, useTls, l5host: l5Host };
    });
    this.serve(Methods.namespacesToWatch, ['previews:read'], ({ namespaces }) => ({ namespaces }));
    this.serve(Methods.reportInterceptCreation, ['previews:write'], () => ({}));
    this.serve(Methods.savedIntercept, ['previews:read'], ({ name }) => {
      throw new CallError(GrpcStatus.NOT_FOUND, `the saved intercept ${name.slice(0, 100)} does not exist`);
    });
    this.serve(Methods.autocompleteSavedIntercept, ['previews:read'], () => ({ completions: [] }));
  }

  /**
   * Serves calls. The caller is authenticated before the message is decoded, which can cost more than its bytes
   * suggest. The message is read to its end nevertheless: a call that is answered earlier counts as reset, and a few
   * hundred of these end the connection.
   */
  private serve<Request, Response>(
    method: Method<Request, Response>,
    scopes: readonly Scope[],
    handler: Handler<Request, Response>,
  ): void {
    this.answers.set(method.path, async (stream, wait) => {
      const message = await readMessage(stream, false);
      stream.handler = { onData() {}, onEnd() {}, onDrain() {}, onClose: () => wait.end() };
      const caller = await this.callerOf(stream, scopes);
      const request = decoded(method, message);
      const managerId = stream.head.valueNamed('x-telepresence-managerid') ?? '';
      return method.response.encode(await handler(request, { caller, managerId, wait }));
    });
  }

  private serveAnybody<Request, Response>(
    method: Method<Request, Response>,
    handler: (request: Request) => Response,
  ): void {
    this.answers.set(method.path, async (stream) =>
      method.response.encode(handler(decoded(method, await readMessage(stream, false)))),
    );
  }

  /** Reads reports to their end and discards them. */
  private serveReports<Request, Response>(method: Method<Request, Response>, scopes: readonly Scope[]): void {
    this.answers.set(method.path, async (stream) => {
      await this.callerOf(stream, scopes);
      await readMessage(stream, true);
      return method.response.encode({});
    });
  }

  private callerOf({ head, peer }: HandedOffStream, scopes: readonly Scope[]): Promise<GrpcCaller> {
    return this.options.authenticator.authenticate(credentialsOf(head), peer, scopes);
  }

  /**
   * Queues a removal whose call is answered at once: managers block all their users while they wait for the answer, and
   * some deadlock if the intercept is created again meanwhile. What cannot be removed is collected later.
   */
  private removeLater(caller: GrpcCaller, remove: (caller: GrpcCaller) => Promise<void>): void {
    const removal = this.queues.add(caller.teamId, () => remove(caller));
    if (removal === null)
      this.options.log.warn({ teamId: caller.teamId }, 'a removal was skipped because the queue is full');
    else removal.catch((error: unknown) => this.options.log.error({ err: error }, 'a removal failed'));
  }
}

/** Returns the credentials of a call. */
export function credentialsOf(head: RequestHead): Credentials {
  const i = head.find(Field.AUTHORIZATION);
  return {
    apiKey: head.valueNamed('x-ambassador-api-key') ?? undefined,
    authorization: i < 0 ? undefined : head.value(i),
  };
}

function decoded<Request>(
  { request }: Method<Request, never> | Method<Request, unknown>,
  bytes: Buffer,
): Request {
  try {
    return request.decode(bytes);
  } catch (error) {
    if (error instanceof MessageError) throw new CallError(GrpcStatus.INVALID_ARGUMENT, error.message);
    throw error;
  }
}

function imageOf({ version }: VersionInfo): string {
  const number = VERSION.exec(version)?.[1];
  if (number === undefined)
    throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'version must be a version such as v2.9.5');
  return `docker.io/datawire/tel2:${number}`;
}
