import { count } from '../count.js';

/** Texts of the parts that several pages share. */
export const texts = {
  accessBadge: { team: 'team', public: 'public' },
  codeBlock: {
    copy: (name: string) => `Copy ${name}`,
  },
  confirm: {
    cancel: 'Cancel',
  },
  copyButton: {
    copied: 'Copied',
  },
  disposition: {
    notReported: 'Not reported',
    notReportedAbout: 'The cluster has not reported the state of this intercept.',
    active: 'Active',
    activeAbout: 'The cluster intercepts the traffic.',
    waiting: 'Waiting',
    waitingAbout: 'The cluster is preparing the interception.',
    noClient: 'No client',
    noClientAbout: 'The client that intercepts is not connected to the cluster.',
    noAgent: 'No agent',
    noAgentAbout: 'The workload has no traffic agent.',
    noMechanism: 'No mechanism',
    noMechanismAbout: 'The agent does not support this mechanism.',
    noPorts: 'No ports',
    noPortsAbout: 'The service has no port that can be intercepted.',
    agentError: 'Agent error',
    agentErrorAbout: 'The agent could not set up the interception.',
    badArguments: 'Bad arguments',
    badArgumentsAbout: 'The mechanism does not accept these arguments.',
    newerAbout: 'This page does not know the state. Reload it to get a newer version.',
  },
  errorPanel: {
    newVersion: 'A new version of this page is available',
    newVersionText: 'Reload the page to get it.',
    reload: 'Reload',
    tryAgain: 'Try again',
  },
  eventSummary: {
    culvert: 'Culvert',
    person: 'A person',
    apiKey: 'An API key',
    key: (name: string) => `Key “${name}”`,
    workloadIdentity: (name: string) => `Workload identity “${name}”`,
  },
  formDialog: {
    close: 'Close',
    cancel: 'Cancel',
  },
  loading: {
    loading: 'Loading',
  },
  page: {
    documentTitle: (title: string) => `${title} · Culvert`,
    loading: 'Loading',
  },
  previewState: {
    unknown: 'Unknown',
    connected: 'Connected',
    waiting: 'Waiting',
    waitingAbout: 'Its traffic manager is not connected',
  },
  renameDialog: {
    rename: 'Rename',
    name: 'Name',
  },
  secretOnce: {
    title: {
      key: 'Copy the key now',
      token: 'Copy the token now',
      link: 'Copy the link now',
      secret: 'Copy the secret now',
    },
    shownOnce: "You won't see it again: the server keeps only a hash of it.",
    secretShownOnce: "You won't see it again. Your server verifies the signatures of events with it.",
    name: { key: 'the key', token: 'the token', link: 'the link', secret: 'the secret' },
    copy: { key: 'Copy the key', token: 'Copy the token', link: 'Copy the link', secret: 'Copy the secret' },
  },
  toast: {
    dismiss: 'Dismiss',
    undo: 'Undo',
  },
  trafficChart: {
    label: (requests: number, errors: number, name?: string) => {
      const amounts = `${count(requests, { one: 'request', other: 'requests' })}, ${count(errors, { one: 'error', other: 'errors' })}`;
      return name === undefined ? `${amounts} in the last hour` : `${amounts} of ${name} in the last hour`;
    },
  },
  virtualTable: {
    actions: 'Actions',
    select: (name: string) => `Select ${name}`,
    selectAll: 'Select all that are shown',
  },
} as const;
