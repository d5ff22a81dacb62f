/** Protocols that traffic managers speak. */
export const TUNNEL_KINDS = ['native', 'telepresence'] as const;
export type TunnelKind = (typeof TUNNEL_KINDS)[number];
