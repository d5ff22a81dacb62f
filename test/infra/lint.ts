import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** One complaint of the linter. `filename` is relative to the root. */
export interface Diagnostic {
  readonly code: string;
  readonly message: string;
  readonly filename: string;
}

/**
 * Lints files that exist for this call only, with the project's own configuration. Returns the findings of one rule.
 *
 * @param files text by path, relative to the root of the project
 * @param code as the linter prints it, such as `culvert(import-direction)`
 */
export async function lintFiles(
  files: Readonly<Record<string, string>>,
  code: string,
): Promise<Diagnostic[]> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'culvert-lint-')));
  try {
    await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    await cp(join(root, 'infra/lint'), join(folder, 'infra/lint'), { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(folder, dirname(file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    const report = JSON.parse(await lint(folder)) as { readonly diagnostics: Diagnostic[] };
    return report.diagnostics.filter((diagnostic) => diagnostic.code === code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lint(folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '--format=json', '.'],
      { cwd: folder, maxBuffer: 16 * 1024 * 1024 },
      // Findings cause a non-zero exit. Only a missing report is a failure of the run.
      (error, stdout) => (stdout === '' ? reject(error ?? new Error('no report')) : resolve(stdout)),
    );
  });
}
