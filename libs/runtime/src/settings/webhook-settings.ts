import type { Values } from './variables.js';

/** Where webhooks may be sent in addition to public addresses with TLS. */
export interface WebhookSettings {
  /** Private addresses and CIDR ranges that may be connected to. */
  readonly allowedNetworks: readonly string[];
  /** Whether they may be sent without TLS. */
  readonly allowHttp: boolean;
}

export function readWebhooks({
  WEBHOOK_ALLOWED_NETWORKS: allowedNetworks = [],
  WEBHOOK_ALLOW_HTTP: allowHttp = false,
}: Values): WebhookSettings {
  return { allowedNetworks, allowHttp };
}
