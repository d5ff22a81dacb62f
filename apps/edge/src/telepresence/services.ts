/** The unary gRPC calls of Telepresence's programs, served in this process (docs/telepresence.md). */
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import * as grpc from '@grpc/grpc-js';
import type { ApiKeyScope } from '@culvert/domain';
import { Http2Dialer, SocketDialer } from '@culvert/relay';
import { GrpcStatus, type Method, Methods, ReviewStatus, type VersionInfo } from '@culvert/telepresence';
import type { Logger } from 'pino';
import { type CallAuthenticator, CallError, type GrpcCaller } from './credentials.js';
import type { RequestedPreviews } from './requested-previews.js';

const MANAGER_ID = /^[\x21-\x7e]{1,255}$/;
const VERSION = /^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]{1,64})?)$/;
const SERVICE_NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
/** A manager holds up every one of its users while it waits for a removal. */
const REMOVAL_TIMEOUT_MS = 2000;
const MAX_MESSAGE_BYTES = 262_144;

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

export class TelepresenceServices {
  private readonly server = new grpc.Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  private readonly injector: ReturnType<grpc.Server['createConnectionInjector']>;

  constructor(private readonly options: TelepresenceServicesOptions) {
    this.register();
    this.injector = this.server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  }

  /** How the relay reaches these services. */
  createDialer(): Http2Dialer {
    const sockets = new SocketDialer(() => {
      const [near, far] = duplexPair();
      this.injector.injectConnection(far);
      return near;
    });
    return new Http2Dialer(sockets, { scheme: 'http' });
  }

  close(): void {
    this.injector.destroy();
    this.server.forceShutdown();
  }

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
      await call.caller();
      return { status: ReviewStatus.ALLOW, msg: '' };
    });
    this.serve(Methods.resolveIngressInfo, async ({ namespace, serviceName, servicePort }, call) => {
      const { teamId } = await call.caller();
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
      await call.caller();
      return { namespaces };
    });
    this.serve(Methods.reportInterceptCreation, async (_result, call) => {
      await call.caller();
      return {};
    });
    this.serve(Methods.savedIntercept, async ({ name }, call) => {
      await call.caller();
      throw new CallError(GrpcStatus.NOT_FOUND, `there is no saved intercept ${name.slice(0, 100)}`);
    });
    this.serve(Methods.autocompleteSavedIntercept, async (_request, call) => {
      await call.caller();
      return { completions: [] };
    });
  }

  private serve<Request, Response>(
    method: Method<Request, Response>,
    handler: Handler<Request, Response>,
  ): void {
    this.server.register(
      method.path,
      (call: grpc.ServerUnaryCall<Request, Response>, done: grpc.sendUnaryData<Response>) =>
        void this.answer(method.path, done, () => handler(call.request, this.contextOf(call.metadata))),
      (response: Response) => method.response.encode(response as Partial<Response>),
      (bytes) => method.request.decode(bytes),
      'unary',
    );
  }

  /** Reads reports to their end, and keeps nothing of them. */
  private serveReports<Request, Response>(method: Method<Request, Response>): void {
    this.server.register(
      method.path,
      (call: grpc.ServerReadableStream<Request, Response>, done: grpc.sendUnaryData<Response>) =>
        void this.answer(method.path, done, async () => {
          await this.contextOf(call.metadata).caller();
          call.resume();
          await once(call, 'end');
          return {} as Response;
        }),
      (response: Response) => method.response.encode(response as Partial<Response>),
      (bytes) => method.request.decode(bytes),
      'clientStream',
    );
  }

  private async answer<Response>(
    path: string,
    done: grpc.sendUnaryData<Response>,
    respond: () => Promise<Response> | Response,
  ): Promise<void> {
    let response: Response;
    try {
      response = await respond();
    } catch (error) {
      done(this.statusOf(error, path));
      return;
    }
    done(null, response);
  }

  private contextOf(metadata: grpc.Metadata): CallContext {
    const header = (name: string): string | undefined => {
      const [value] = metadata.get(name);
      return typeof value === 'string' ? value : undefined;
    };
    const credentials = { apiKey: header('x-ambassador-api-key'), authorization: header('authorization') };
    // The relay says who it was: everything comes over one pair of pipes.
    const address = header('x-forwarded-for')?.split(',')[0]?.trim() ?? '';
    return {
      caller: (...scopes) => this.options.authenticator.authenticate(credentials, address, scopes),
      managerId: header('x-telepresence-managerid') ?? '',
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

  private statusOf(error: unknown, path: string): Partial<grpc.StatusObject> {
    if (error instanceof CallError) {
      const { status, message } = error;
      return { code: CODES.get(status)!, details: message };
    }
    this.options.log.error({ err: error, path }, 'a call failed');
    return { code: grpc.status.UNAVAILABLE, details: 'Culvert cannot answer at the moment' };
  }
}

/** The library's numbers of the statuses, which are the same. */
const CODES: ReadonlyMap<number, grpc.status> = new Map(
  Object.values(grpc.status)
    .filter((value): value is grpc.status => typeof value === 'number')
    .map((value) => [value, value]),
);

function imageOf({ version }: VersionInfo): string {
  const number = VERSION.exec(version)?.[1];
  if (number === undefined)
    throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'version must be a version such as v2.9.5');
  return `docker.io/datawire/tel2:${number}`;
}
