import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** As the build writes them beside each file, the smaller one first (`infra/scripts/build-dashboard.mjs`). */
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
 * What the build made of apps/dashboard, read once: a few MiB that never change while the process runs, so that no
 * request touches the disk and none can name a file that is not among them.
 */
export class DashboardFiles {
  private constructor(
    /** Of files whose name holds a hash of their content. */
    readonly assets: ReadonlyMap<string, DashboardAsset>,
    /** The pieces of `index.html` around every nonce. */
    private readonly page: readonly string[],
  ) {}

  /**
   * @param folder with `index.html` and `assets/`
   * @returns null when there is no build in it
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

  /** The page that every address of the dashboard begins with. @param nonce fresh, in base64 */
  pageWith(nonce: string): string {
    return this.page.join(nonce);
  }
}

/** Where the build puts the dashboard: above this file, whether it runs from dist/ or from the sources. */
export function findDashboardFolder(): string {
  const built = join('dist', 'apps', 'dashboard');
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, built)) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, built);
}
