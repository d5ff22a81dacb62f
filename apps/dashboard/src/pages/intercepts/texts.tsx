import type { ReactNode } from 'react';
import { count } from '../../count.js';

/** Texts of the page of intercepts. */
export const texts = {
  interceptsPage: {
    intercepts: 'Intercepts',
    description:
      'Workloads whose traffic is intercepted, and the requests that match. The cluster does the intercepting.',
    noneTitle: 'No intercepts',
    createPreview: 'Create a preview',
    searchIntercepts: 'Search intercepts',
    namespace: 'Namespace',
    allNamespaces: 'All namespaces',
    noMatch: 'No intercepts match',
    showAll: 'Show all',
    workload: 'Workload',
    kindInNamespace: (workloadKind: string, namespace: string) => `${workloadKind} in ${namespace}`,
    by: 'Client',
    unknown: 'unknown',
    mechanism: 'Mechanism',
    state: 'State',
    preview: 'Preview',
    none: 'none',
    restored: (hostname: string) => `Restored ${hostname}`,
    notRestored: 'The preview could not be restored',
    removed: (workload: string) => `Removed the intercept of ${workload}`,
    notRemoved: 'The intercept could not be removed',
    removeTitle: (workload: string) => `Remove the intercept of ${workload}?`,
    remove: 'Remove',
    actionsFor: (name: string) => `Actions for the intercept ${name}`,
    restorePreview: 'Restore preview',
    noneText: (command: ReactNode) => (
      <>
        An intercept appears together with its preview: when you create one here, or run {command} with a
        preview URL.
      </>
    ),
    stillShown: (command: ReactNode) => (
      <>Removed, but its traffic manager still shows it. Its developer must run {command}</>
    ),
    removeText: (hostnames: readonly string[]) => {
      const rest = 'The cluster keeps intercepting until the intercept is ended there.';
      if (hostnames.length === 0) return rest;
      const previews = count(hostnames.length, { one: 'preview', other: 'previews' });
      return `This also removes ${previews}: ${hostnames.join(', ')}. ${rest}`;
    },
  },
} as const;
