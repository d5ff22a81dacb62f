/** The gRPC methods that managers, clients and agents call here. */
import { type Codec, Codecs } from './codec.js';

/** A call with one response. */
export interface Method<Request, Response> {
  /** The `:path` of the call. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
  /** Whether there may be any number of requests. */
  readonly requestStream: boolean;
}

function method<Request, Response>(
  path: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Method<Request, Response> {
  return { path, request, response, requestStream: false };
}

function reports<Request, Response>(
  path: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Method<Request, Response> {
  return { path, request, response, requestStream: true };
}

/** The long call of chunks in both directions, which becomes a tunnel. */
export const REVERSE_CONNECTION_PATH = '/telepresence.systema.SystemAProxy/ReverseConnection';

export const Methods = {
  createDomain: method(
    '/telepresence.systema.SystemACRUD/CreateDomain',
    Codecs.CreateDomainRequest,
    Codecs.CreateDomainResponse,
  ),
  removeDomain: method(
    '/telepresence.systema.SystemACRUD/RemoveDomain',
    Codecs.RemoveDomainRequest,
    Codecs.Empty,
  ),
  removeIntercept: method(
    '/telepresence.systema.SystemACRUD/RemoveIntercept',
    Codecs.InterceptRemoval,
    Codecs.Empty,
  ),
  preferredAgent: method(
    '/telepresence.systema.SystemACRUD/PreferredAgent',
    Codecs.VersionInfo,
    Codecs.PreferredAgentResponse,
  ),
  unauthenticatedCommandMessages: method(
    '/telepresence.systema.SystemACli/GetUnauthenticatedCommandMessages',
    Codecs.Empty,
    Codecs.CommandMessageResponse,
  ),
  reviewIntercept: method(
    '/telepresence.systema.SystemAAgent/ReviewIntercept',
    Codecs.InterceptInfo,
    Codecs.ReviewInterceptResponse,
  ),
  resolveIngressInfo: method(
    '/telepresence.userdaemon.SystemA/ResolveIngressInfo',
    Codecs.IngressInfoRequest,
    Codecs.IngressInfo,
  ),
  reportAvailableNamespaces: reports(
    '/telepresence.userdaemon.SystemA/ReportAvailableNamespaces',
    Codecs.AvailableNamespacesRequest,
    Codecs.Empty,
  ),
  reportAvailableServices: reports(
    '/telepresence.userdaemon.SystemA/ReportAvailableServices',
    Codecs.AvailableServicesRequest,
    Codecs.Empty,
  ),
  namespacesToWatch: method(
    '/telepresence.userdaemon.SystemA/GetNamespacesToWatch',
    Codecs.NamespacesToWatchRequest,
    Codecs.NamespacesToWatchResponse,
  ),
  reportInterceptCreation: method(
    '/telepresence.userdaemon.SystemA/ReportInterceptCreation',
    Codecs.InterceptCreationResult,
    Codecs.Empty,
  ),
  savedIntercept: method(
    '/telepresence.userdaemon.SystemA/GetSavedIntercept',
    Codecs.GetSavedInterceptRequest,
    Codecs.SavedIntercept,
  ),
  autocompleteSavedIntercept: method(
    '/telepresence.userdaemon.SystemA/AutocompleteSavedIntercept',
    Codecs.AutocompleteSavedInterceptRequest,
    Codecs.AutocompleteSavedInterceptsResponse,
  ),
} as const;
