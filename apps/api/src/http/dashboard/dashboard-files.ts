import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Encodings that the build writes beside each file, smallest first (`infra/scripts/build-dashboard.mjs`). */
export const ENCODINGS = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const;
type Encoding = (typeof ENCODINGS)[number]['name'];

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const NONCE = '{{nonce}}';

export interface DashboardAsset {
  readonly type: string;
  readonly bytes: Buffer;
  readonly compressed: ReadonlyMap<Encoding, Buffer>;
}

/**
 * The build of apps/dashboard, read once: a few MiB that do not change while the process runs. Requests do not touch
 * the disk, and cannot name a file outside the build.
 */
export class DashboardFiles {
  private constructor(
    /** Files whose names contain a hash of their content. */
    readonly assets: ReadonlyMap<string, DashboardAsset>,
    /** Pieces of `index.html` between the nonces. */
    private readonly page: readonly string[],
  ) {}

  /**
   * @param folder folder with `index.html` and `assets/`
   * @returns null if it contains no build
   */
  static read(folder: string): DashboardFiles | null {
    if (!existsSync(join(folder, 'index.html'))) return null;
    const names = readdirSync(join(folder, 'assets'));
    const assets = names
      .filter((name) => TYPES[extname(name)] !== undefined)
      .map((name): [string, DashboardAsset] => [
        name,
        {
          type: TYPES[extname(name)] ?? '',
          bytes: readFileSync(join(folder, 'assets', name)),
          compressed: new Map(
            ENCODINGS.filter(({ suffix }) => names.includes(name + suffix)).map((encoding) => [
              encoding.name,
              readFileSync(join(folder, 'assets', name + encoding.suffix)),
            ]),
          ),
        },
      ]);
    return new DashboardFiles(new Map(assets), readFileSync(join(folder, 'index.html'), 'utf8').split(NONCE));
  }

  /** Returns the page for every address of the dashboard. @param nonce fresh, in base64 */
  pageWith(nonce: string): string {
    return this.page.join(nonce);
  }
}

/**
 * Returns the folder with the build of the dashboard: above this file, whether it runs from dist/ or from the sources.
 */
export function findDashboardFolder(): string {
  const built = join('dist', 'apps', 'dashboard');
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, built)) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, built);
}
