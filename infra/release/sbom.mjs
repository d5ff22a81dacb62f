// Software bills of materials in CycloneDX, from the lock file alone.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

const BILLS = {
  // What the images and the npm package `@culvert/server` contain, and what the dashboard is bundled from.
  'culvert-server': { args: ['--omit=dev'] },
  // A package that is bundled names what it contains as its development dependencies.
  'culvert-cli': { args: ['--workspace=culvert'], main: 'cli' },
  'culvert-client': { args: ['--workspace=@culvert/client'], main: 'client' },
};

/** Returns one bill for the servers, one for `culvert` and one for `@culvert/client`. */
export function sbomFiles({ root, version, epoch }) {
  return Object.fromEntries(
    Object.entries(BILLS).map(([name, { args, main }]) => {
      const command = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', ...args];
      const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 };
      const bill = JSON.parse(execFileSync('npm', command, options));
      return [
        `${name}-${version}.cdx.json`,
        `${JSON.stringify(reproducible(bill, { name, main, epoch }), null, 2)}\n`,
      ];
    }),
  );
}

/** npm writes the time, a random number and the name of the repository's folder. */
function reproducible(bill, { name, main, epoch }) {
  const { components, dependencies, metadata } = bill;
  const component = main === undefined ? metadata.component : components.find((one) => one.name === main);
  const own = { ...component, name };
  const ref = component['bom-ref'];
  const content = {
    ...bill,
    metadata: { ...metadata, timestamp: new Date(epoch * 1000).toISOString(), component: own },
    components: components
      .filter((one) => one['bom-ref'] !== ref && one['bom-ref'] !== metadata.component['bom-ref'])
      .toSorted((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
    dependencies: merged(dependencies).toSorted((a, b) => (a.ref < b.ref ? -1 : 1)),
  };
  delete content.serialNumber;
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  // A UUID of version 8: its bits are those of the hash.
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return { ...content, serialNumber: `urn:uuid:${uuid}` };
}

/** The root of this repository and the package `culvert` have the same name and version, so npm lists it twice. */
function merged(dependencies) {
  const byRef = new Map();
  for (const { ref, dependsOn = [] } of dependencies) {
    const all = byRef.get(ref) ?? new Set();
    for (const one of dependsOn) if (one !== ref) all.add(one);
    byRef.set(ref, all);
  }
  return [...byRef].map(([ref, all]) => ({ ref, dependsOn: [...all].toSorted((a, b) => (a < b ? -1 : 1)) }));
}
