// The Helm charts as `helm package` makes them: a tar archive whose only folder has the name of the chart.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { fileEntry, tarball } from './archive.mjs';

/**
 * Returns `<name>-chart-<version>.tgz` of every chart, whose images are those of this release. Helm's own name without
 * `-chart` is that of an npm package, for the chart `culvert`.
 */
export async function chartFiles({ root, version, epoch, settings }) {
  const charts = join(root, 'infra/helm');
  const files = {};
  for (const name of readdirSync(charts).toSorted()) {
    const folder = join(charts, name);
    const chart = parse(readFileSync(join(folder, 'Chart.yaml'), 'utf8'));
    if (chart.version !== version || chart.appVersion !== version)
      throw new Error(`infra/helm/${name}/Chart.yaml: its versions are not ${version}`);
    const entries = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((path) => statSync(join(folder, path)).isFile())
      .map((path) => fileEntry(`${name}/${path}`, contentOf(join(folder, path), settings)));
    files[`${name}-chart-${version}.tgz`] = await tarball(entries, { epoch });
  }
  return files;
}

function contentOf(path, { imageRegistry }) {
  const text = readFileSync(path, 'utf8');
  return path.endsWith('/values.yaml')
    ? text.replace(/^image: .*\/([^/]+)$/m, `image: ${imageRegistry}/$1`)
    : text;
}
