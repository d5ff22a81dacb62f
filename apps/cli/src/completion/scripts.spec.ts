import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPLETION_SCRIPTS, SHELLS } from './scripts.js';

describe('the completion scripts', () => {
  it.each(SHELLS)('of %s ask culvert for the next words', (shell) => {
    expect(COMPLETION_SCRIPTS[shell]).toContain('__complete');
    expect(COMPLETION_SCRIPTS[shell]).toMatch(/\n$/);
  });

  it('of PowerShell register a native completer and keep an empty last word', () => {
    const script = COMPLETION_SCRIPTS.powershell;
    expect(script).toContain('Register-ArgumentCompleter -Native -CommandName culvert');
    // Without a word to complete, older versions would pass one argument less.
    expect(script).toContain(`$typed = '""'`);
    // A tab separates value and description.
    expect(script).toContain('-split "`t", 2');
    expect(script.split('{').length).toBe(script.split('}').length);
  });

  it('of PowerShell offer what culvert offers', ({ skip }) => {
    const { error } = spawnSync('pwsh', ['-v']);
    skip(error !== undefined, 'pwsh is not installed');
    const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    try {
      const script = join(folder, 'complete.ps1');
      // Stands for the program: prints what it was asked for.
      const program = 'function culvert { $args | ForEach-Object { "$_`tdescribed" } }\n';
      const ask = "(TabExpansion2 'culvert preview s' 17).CompletionMatches.CompletionText -join ','";
      writeFileSync(script, `${program}${COMPLETION_SCRIPTS.powershell}\n${ask}\n`);
      const { stdout } = spawnSync('pwsh', ['-NoProfile', '-File', script], { encoding: 'utf8' });
      expect(stdout.trim()).toBe('__complete,--,preview,s');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
