import type { AllowedNetworks } from './allowed-networks.js';

export interface HttpClientOptions {
  /** PEM certificates to trust instead of the usual ones, to which NODE_EXTRA_CA_CERTS adds: for origins, and for a proxy. */
  readonly ca?: string | readonly string[] | undefined;
  /** Limit for the name, TCP, the proxy and TLS together, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Limit from the first byte sent to the last byte of the response, connecting and redirects included, in milliseconds. */
  readonly timeoutMs: number;
  /** Limit for the body of one response. */
  readonly maxResponseBytes: number;
  /** Redirects to follow. Default: none, a redirect is a response like any other. */
  readonly maxRedirects?: number | undefined;
  /**
   * Whether private, local and reserved addresses may be connected to. If not, a name is resolved once, and the
   * connection is made to an address that was checked. Behind a proxy, the proxy resolves names.
   */
  readonly allowPrivateAddresses: boolean;
  /** Networks that may be connected to although private addresses may not. Default: none. */
  readonly allowedNetworks?: AllowedNetworks | undefined;
}
