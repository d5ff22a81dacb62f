/** Texts about calls of the API, and names of what it returns. */
export const texts = {
  keyPurposes: {
    trafficManager: 'Traffic manager',
    telepresence: 'Telepresence',
    ciThatCreatesPreviews: 'CI that creates previews',
    readOnly: 'Read-only',
  },
  me: {
    notPermitted: (role: string) => `Your role (${role}) does not permit this`,
    noRole: 'none',
  },
  problem: {
    status: (status: number) => `The server responded with ${status}`,
    offline: 'The server cannot be reached',
    failedHere: 'Something went wrong on this page',
    request: (requestId: string) => `Request ${requestId}.`,
    it: 'It',
  },
} as const;
