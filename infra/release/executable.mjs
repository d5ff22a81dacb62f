// Executables of `culvert` that need no Node: copies of Node that hold the program (a "single executable application").
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { modulesOf, PROGRAM_OPTIONS, RESOLVE_SOURCES, withoutCopies } from '../scripts/bundle.mjs';
import { withInspectorPage } from '../scripts/inspector-page.mjs';
import { noticesOf } from '../scripts/third-party-notices.mjs';

/** Node looks for the program behind this mark, which its own binaries contain. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Platforms by the kind of processor that their binaries name in the header of ELF. */
const MACHINES = { 'linux-x64': 0x3e, 'linux-arm64': 0xb7 };
const MACHINE_OFFSET = 18;

/** Returns the platforms that executables are made for, each with the path of its Node binary. Throws if it cannot hold a program. */
export function nodeBinaries({ arm64 }) {
  const own = `${process.platform}-${process.arch}`;
  const paths = {
    ...(own in MACHINES && { [own]: process.execPath }),
    ...(arm64 && { 'linux-arm64': arm64 }),
  };
  for (const platform of Object.keys(MACHINES)) {
    if (platform in paths) checkBinary(readFileSync(paths[platform]), { node: paths[platform], platform });
    else process.stderr.write(`release: no Node for ${platform}, so no executable\n`);
  }
  return paths;
}

/** Where the license of Node is, seen from its binary: in archives of nodejs.org, and in packages of NodeSource. */
const NODE_LICENSES = ['../LICENSE', '../share/doc/nodejs/LICENSE'];

/**
 * Returns the license of Node and of the libraries that its binaries contain. Each version has its own.
 * @param path of the text; absent: that of the Node that runs this
 */
export function readNodeLicense(path) {
  const folder = dirname(realpathSync(process.execPath));
  const found = path ?? NODE_LICENSES.map((name) => join(folder, name)).find((one) => existsSync(one));
  const text = found === undefined ? '' : readFileSync(found, 'utf8');
  if (text.startsWith('Node.js is licensed')) return text.trim();
  throw new Error(
    `${found ?? folder}: no license of Node, which goes with executables: name the file with --node-license`,
  );
}

/**
 * Returns `culvert` for a platform, such as linux-x64, made of the Node binary at `node`, and the licenses of what it
 * contains besides Node.
 */
export async function makeExecutable({ root, scratch, node, platform }) {
  const folder = join(scratch, platform);
  const notices = await bundleProgram(root, folder);
  // Relative paths, since the program holds them.
  const config = {
    main: 'culvert.cjs',
    output: 'culvert.blob',
    disableExperimentalSEAWarning: true,
    // Compiled code would differ with each build, and Node warns where its options make it useless.
    useCodeCache: false,
  };
  writeFileSync(join(folder, 'sea.json'), JSON.stringify(config));
  execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json'], { cwd: folder, stdio: 'pipe' });
  const path = join(folder, 'culvert');
  writeFileSync(path, readFileSync(node));
  const postject = join(root, 'node_modules/postject/dist/cli.js');
  const args = [postject, 'culvert', 'NODE_SEA_BLOB', 'culvert.blob', '--sentinel-fuse', FUSE];
  // It warns of sections of Node that it does not touch.
  execFileSync(process.execPath, args, { cwd: folder, stdio: 'pipe' });
  return { program: readFileSync(path), notices };
}

function checkBinary(binary, { node, platform }) {
  if (binary.readUInt16LE(MACHINE_OFFSET) !== MACHINES[platform])
    throw new Error(`${node} is not a program for ${platform}`);
  if (!binary.includes(FUSE)) throw new Error(`${node} is not a Node binary that can hold a program`);
  // Each version of Node has its own form of what an executable holds.
  if (!binary.includes(process.version))
    throw new Error(`${node} is not Node ${process.version}, which runs this`);
}

/** Packages that make WebSockets faster if they are installed. In an executable, Node warns when one is looked for. */
const OPTIONAL = ['bufferutil', 'utf-8-validate'];

function withoutOptional() {
  return {
    name: 'without-optional',
    resolveId: (source) => (OPTIONAL.includes(source) ? `\0${source}` : null),
    load: (id) =>
      OPTIONAL.includes(id.slice(1)) ? "throw new Error('not installed'); module.exports = {};" : null,
  };
}

/** Writes the program as one CommonJS file, the only form that Node reads from an executable. Returns its notices. */
async function bundleProgram(root, folder) {
  const bundled = await rolldown({
    cwd: root,
    input: { culvert: 'infra/release/executable-entry.mjs' },
    platform: 'node',
    tsconfig: false,
    plugins: [withoutCopies(), withoutOptional(), withInspectorPage()],
    resolve: RESOLVE_SOURCES,
    treeshake: PROGRAM_OPTIONS.treeshake,
    onLog: (level, { message }) => {
      throw new Error(`executable: ${level}: ${message}`);
    },
  });
  const { output } = await bundled.write({
    dir: folder,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    codeSplitting: false,
    // Keeps names and lines, so that stacks stay readable.
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false },
  });
  await bundled.close();
  const modules = modulesOf(output).filter((id) => !OPTIONAL.includes(id.slice(1)));
  return noticesOf(modules, 'This program');
}
