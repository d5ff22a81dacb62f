/** `disconnected` sessions can be resumed until their grace period ends; `ended` ones cannot. */
export const SESSION_STATES = ['connected', 'disconnected', 'ended'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** Protocols that traffic managers speak. */
export const TUNNEL_KINDS = ['native', 'telepresence'] as const;
export type TunnelKind = (typeof TUNNEL_KINDS)[number];
