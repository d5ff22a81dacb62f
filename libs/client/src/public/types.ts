/** What programs see of `expose`. These types name no other package, so that declarations can be published alone. */
import type { Server } from 'node:net';
import type { ClientError } from '../client-error.js';

/** Where Culvert is, and the credential to use. What is not given comes from the environment, then the stored sign-in. */
export interface ConnectionOptions {
  /** URL of Culvert. Default: `CULVERT_URL`, then the server of the last `culvert login`. */
  readonly url?: string | undefined;
  /** API key. Default: `CULVERT_API_KEY`, then the stored sign-in. */
  readonly apiKey?: string | undefined;
  /** File of PEM certificates to trust for Culvert, in addition to the usual ones. Default: `CULVERT_CA_FILE`. */
  readonly caFile?: string | undefined;
}

/** What is exposed: a port of this machine, `host:port`, a URL, or a server of this process. */
export type ExposeTarget = number | string | URL | Server;

export interface ExposeOptions extends ConnectionOptions {
  /** Name in lists; unique among what runs on this machine. Default: host and port. */
  readonly name?: string | undefined;
  /** Access for members of the team, or for everyone with the URL. Default: `team`. */
  readonly access?: 'team' | 'public' | undefined;
  /** Whether the URL stays after `close`, for the next run with the same name. Default: false. */
  readonly keep?: boolean | undefined;
  /** When the URL ends. Default: never. */
  readonly expiresAt?: Date | undefined;
  /** Headers added to every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Host header that the service receives: a name, or `preview` for that of the URL. Default: that of the target. */
  readonly hostHeader?: string | undefined;
  /**
   * Whether the service is addressed as if it were opened on its own machine: with its own name in Host, Origin and Referer.
   * Default: for targets of this machine, unless `hostHeader` is set.
   */
  readonly rewriteOrigin?: boolean | undefined;
  /** Whether pages show the banner. Default: true. */
  readonly banner?: boolean | undefined;
  /** Whether requests may switch to protocols other than WebSocket. Default: false. */
  readonly allowUpgrades?: boolean | undefined;
  /** Pull request that gets a comment with the URL. */
  readonly pullRequestUrl?: string | undefined;
  /** Whether to accept an `https` target whose certificate is not trusted. Default: false; true for a server of this process. */
  readonly insecureTarget?: boolean | undefined;
  /** Receives each request when it ends. Long ones, such as WebSockets, also when they are open. */
  readonly onRequest?: ((request: PreviewRequest) => void) | undefined;
  /** The connection to Culvert is lost. It is made again. @param reason for people */
  readonly onLost?: ((reason: string) => void) | undefined;
  /** The connection to Culvert exists again. */
  readonly onReconnected?: (() => void) | undefined;
  /** The URL ended because this machine was offline for too long. `preview.url` is another one now. */
  readonly onUrlChange?: ((url: string) => void) | undefined;
  /** Ends the exposure when aborted. Until there is a URL, `expose` then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A request that reached the exposed service. */
export interface PreviewRequest {
  readonly startedAt: Date;
  /** Empty if the connection to the service failed before the request arrived here, and then `path` is too. */
  readonly method: string;
  /** The path without its query, which may hold secrets. */
  readonly path: string;
  /** `open`: it lasts long, as WebSockets and event streams do, and is reported again when it ends. `ended`: it is over. */
  readonly state: 'open' | 'ended';
  /** Null: there was no response. */
  readonly status: number | null;
  /** The protocol after the upgrade, such as `websocket`, or ''. */
  readonly upgrade: string;
  /** Milliseconds until the response, or until its end. */
  readonly durationMs: number;
  /** Received bytes of the request's body. After an upgrade, all bytes. */
  readonly receivedBytes: number;
  /** Received bytes of the response's body. After an upgrade, all bytes. */
  readonly sentBytes: number;
  /** Why the response is missing or incomplete, for people; null if it is complete. */
  readonly failure: string | null;
}

/** An exposed service with its preview URL. */
export interface RunningPreview extends AsyncDisposable {
  readonly url: string;
  /** The hostname of `url`. */
  readonly hostname: string;
  /** The id of the preview in Culvert's API. */
  readonly id: string;
  readonly access: string;
  /** Resolves when the exposure is over: with null after `close`, or with why it ended by itself. Never rejects. */
  readonly ended: Promise<ClientError | null>;
  /**
   * Removes the URL, unless it is kept, and disconnects. May be called more than once. Rejects with a `ClientError` if Culvert did
   * not remove the URL; it then ends with its session.
   */
  close(): Promise<void>;
}
