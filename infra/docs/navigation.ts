/**
 * The navigation of the documentation site. Pages that `SECTIONS` does not name follow in the section of their folder, so
 * that a new page is reachable without a change here.
 */

/** A page, by its path below `docs/`, such as `tutorials/share-a-port.md`. */
export interface Page {
  readonly path: string;
  readonly title: string;
}

/** A titled group of pages in the order in which they are shown. */
export interface Section {
  readonly title: string;
  readonly pages: readonly Page[];
}

/** The page that the site opens with. Forges show it for the folder. */
export const START_PAGE = 'README.md';

/** Sections in their order. Each begins with its `pages`; the others of its `folder` follow by path. */
const SECTIONS: readonly { readonly title: string; readonly folder?: string; readonly pages: string[] }[] = [
  {
    title: 'Tutorials',
    folder: 'tutorials',
    pages: [
      'tutorials/share-a-port.md',
      'tutorials/preview-a-workload.md',
      'tutorials/open-a-preview.md',
      'tutorials/install-for-a-team.md',
    ],
  },
  {
    title: 'Use Culvert',
    pages: [
      'cli.md',
      'cli-reference.md',
      'culvert-yaml.md',
      'client.md',
      'ci.md',
      'webhooks.md',
      'dev-servers.md',
      'telepresence.md',
      'context-propagation.md',
    ],
  },
  {
    title: 'Run Culvert',
    pages: [
      'install-kubernetes.md',
      'operations.md',
      'monitoring.md',
      'metrics.md',
      'fleet.md',
      'security.md',
      'scale.md',
      'performance.md',
      'releasing.md',
      'install-one-machine.md',
      'upgrade.md',
      'backup.md',
    ],
  },
  {
    title: 'How it works',
    pages: [
      'architecture.md',
      'relay.md',
      'cluster.md',
      'protocol.md',
      'http1.md',
      'http2.md',
      'telepresence-tunnel.md',
    ],
  },
  { title: 'More', folder: '', pages: [] },
  { title: 'Decisions', folder: 'decisions', pages: [] },
];

/** The pages that the navigation names. */
export const NAMED_PAGES: readonly string[] = SECTIONS.flatMap(({ pages }) => pages);

const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0));

/**
 * Returns the navigation over `pages`, without the start page. A page of a folder that has no section of its own is in
 * "More". Sections without pages are left out.
 */
export function navigationOf(pages: readonly Page[]): Section[] {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  const rest = pages
    .filter(({ path }) => path !== START_PAGE && !NAMED_PAGES.includes(path))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const folders = SECTIONS.map(({ folder }) => folder);
  const sectionOf = (path: string): string => (folders.includes(folderOf(path)) ? folderOf(path) : '');
  return SECTIONS.map(({ title, folder, pages: named }) => ({
    title,
    pages: [
      ...named.flatMap((path) => byPath.get(path) ?? []),
      ...rest.filter(({ path }) => sectionOf(path) === folder),
    ],
  })).filter((section) => section.pages.length > 0);
}
