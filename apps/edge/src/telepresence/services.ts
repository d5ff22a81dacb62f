/** The unary gRPC calls of Telepresence's programs, each a taken stream (docs/telepresence.md). */
import type { ApiKeyScope } from '@culvert/domain';
import { Field, type RequestHead } from '@culvert/http1';
import type { TakenStream } from '@culvert/relay';
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
import { answerCall, failCall, fieldOf, readMessage, withinDeadline } from './unary-call.js';

const MANAGER_ID = /^[\x21-\x7e]{1,255}$/;
const VERSION = /^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]{1,64})?)$/;
const SERVICE_NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
/** A manager holds up every one of its users while it waits for a removal. */
const REMOVAL_TIMEOUT_MS = 2000;

type Handler<Request, Response> = (request: Request, call: CallContext) => Promise<Response> | Response;

/** What a handler may ask about its call. */
interface CallContext {
  caller(...scopes: ApiKeyScope[]): Promise<GrpcCaller>;
  readonly managerId: string;
}

export interface TelepresenceServicesOptions {
  readonly authenticator: CallAuthenticator;
  readonly previews: RequestedPreviews;
  /** `registry/repository/name:tag`; null: Telepresence's own image of the version that asks. */
  readonly agentImage: string | null;
  readonly log: Logger;
}

type Answer = (stream: TakenStream, call: CallContext) => Promise<Buffer>;

/** Calls with one answer. Each is so small that it is read whole and answered at once. */
export class TelepresenceServices {
  private readonly answers = new Map<string, Answer>();

  constructor(private readonly options: TelepresenceServicesOptions) {
    this.register();
  }

  /** Answers one call, whatever it is. Never rejects. */
  async serveCall(stream: TakenStream): Promise<void> {
    const { target } = stream.head;
    try {
      const answer = this.answers.get(target);
      if (answer === undefined)
        throw new CallError(GrpcStatus.UNIMPLEMENTED, 'Culvert does not offer this call');
      answerCall(stream, await withinDeadline(stream.head, answer(stream, this.contextOf(stream))));
    } catch (error) {
      if (!failCall(stream, error)) this.options.log.error({ err: error, path: target }, 'a call failed');
    }
  }

  /** Scopes are the least that the key has which Telepresence sends: of a manager, a workstation or an agent. */
  private register(): void {
    const { previews, agentImage } = this.options;
    this.serve(Methods.createDomain, async (request, call) => {
      const caller = await call.caller('tunnel', 'previews:write');
      if (!MANAGER_ID.test(call.managerId))
        throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the header x-telepresence-managerid is missing');
      return { domain: await previews.open(caller, call.managerId, request) };
    });
    this.serve(Methods.removeDomain, async ({ domain }, call) => {
      const { teamId, actor } = await call.caller('tunnel');
      const hostname = domain.toLowerCase().replace(/^https?:\/\//, '');
      await this.soon(previews.close(teamId, call.managerId, hostname, actor));
      return {};
    });
    this.serve(Methods.removeIntercept, async ({ interceptId }, call) => {
      const { teamId, actor } = await call.caller('tunnel');
      await this.soon(previews.closeIntercept(teamId, call.managerId, interceptId, actor));
      return {};
    });
    this.serve(Methods.preferredAgent, (version) => ({ imageName: agentImage ?? imageOf(version) }));
    this.serve(Methods.unauthenticatedCommandMessages, () => ({ intercept: '' }));
    this.serve(Methods.reviewIntercept, async (_intercept, call) => {
      await call.caller('previews:read');
      return { status: ReviewStatus.ALLOW, msg: '' };
    });
    this.serve(Methods.resolveIngressInfo, async ({ namespace, serviceName, servicePort }, call) => {
      const { teamId } = await call.caller('previews:read');
      if (!SERVICE_NAME.test(serviceName) || (namespace !== '' && !SERVICE_NAME.test(namespace)))
        throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the service has no name that a cluster could have');
      if (servicePort < 0 || servicePort > 65_535)
        throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the service has no port that there could be');
      const ingress = await previews.resolveIngress(teamId, {
        namespace,
        name: serviceName,
        port: servicePort,
      });
      const { host, port, useTls, l5Host } = ingress;
      return { host, port, useTls, l5host: l5Host };
    });
    this.serveReports(Methods.reportAvailableNamespaces);
    this.serveReports(Methods.reportAvailableServices);
    this.serve(Methods.namespacesToWatch, async ({ namespaces }, call) => {
      await call.caller('previews:read');
      return { namespaces };
    });
    this.serve(Methods.reportInterceptCreation, async (_result, call) => {
      await call.caller('previews:write');
      return {};
    });
    this.serve(Methods.savedIntercept, async ({ name }, call) => {
      await call.caller('previews:read');
      throw new CallError(GrpcStatus.NOT_FOUND, `there is no saved intercept ${name.slice(0, 100)}`);
    });
    this.serve(Methods.autocompleteSavedIntercept, async (_request, call) => {
      await call.caller('previews:read');
      return { completions: [] };
    });
  }

  private serve<Request, Response>(
    method: Method<Request, Response>,
    handler: Handler<Request, Response>,
  ): void {
    this.answers.set(method.path, async (stream, call) => {
      const bytes = await readMessage(stream, false);
      return method.response.encode(await handler(decoded(method, bytes), call));
    });
  }

  /** Reads reports to their end, and keeps nothing of them. */
  private serveReports<Request, Response>(method: Method<Request, Response>): void {
    this.answers.set(method.path, async (stream, call) => {
      await call.caller('previews:write');
      await readMessage(stream, true);
      return method.response.encode({});
    });
  }

  private contextOf({ head, peer }: TakenStream): CallContext {
    const credentials = credentialsOf(head);
    return {
      caller: (...scopes) => this.options.authenticator.authenticate(credentials, peer, scopes),
      managerId: fieldOf(head, 'x-telepresence-managerid') ?? '',
    };
  }

  private async soon(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, REMOVAL_TIMEOUT_MS)));
    work.catch((error: unknown) => this.options.log.error({ err: error }, 'a removal failed'));
    // Its answer is OK in any case: what could not be removed now is collected later.
    await Promise.race([work.catch(() => {}), late]);
    clearTimeout(timer);
  }
}

/** What a call authenticates with. */
export function credentialsOf(head: RequestHead): Credentials {
  const i = head.find(Field.AUTHORIZATION);
  return {
    apiKey: fieldOf(head, 'x-ambassador-api-key'),
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
