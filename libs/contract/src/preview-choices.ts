/** What of a preview is one of a few. Without schemas: command lines load it at each start. */
export const PREVIEW_ACCESS = ['team', 'public'] as const;

/** Of the traffic manager that a preview's requests go through. */
export const PREVIEW_STATES = ['connected', 'waiting'] as const;

export const INGRESS_PROTOCOLS = ['http1', 'h2c', 'h2'] as const;
