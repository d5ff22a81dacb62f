/**
 * Scripts that complete the command line in shells. Each calls `culvert __complete`, which prints lines of value, tab,
 * description.
 */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# Completion of culvert for bash.
_culvert() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _culvert culvert
`;

const ZSH = `#compdef culvert
# Completion of culvert for zsh.
_culvert() {
  local line value description
  local -a candidates
  while IFS= read -r line; do
    value="\${line%%$'\\t'*}"
    description="\${line#*$'\\t'}"
    candidates+=("\${value//:/\\\\:}\${description:+:$description}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then
    _describe culvert candidates
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _culvert ]]; then
  _culvert "$@"
else
  compdef _culvert culvert
fi
`;

const FISH = `# Completion of culvert for fish.
function __culvert_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l program $words[1]
  set -e words[1]
  set -l candidates ($program __complete -- $words "$current" 2>/dev/null)
  if set -q candidates[1]
    string join \\n -- $candidates
  else
    __fish_complete_path "$current"
  end
end
complete -c culvert -f -a '(__culvert_complete)'
`;

const POWERSHELL = `# Completion of culvert for PowerShell.
Register-ArgumentCompleter -Native -CommandName culvert -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
    ForEach-Object { $_.Extent.Text.Trim('"', "'") })
  $program = $commandAst.CommandElements[0].Extent.Text
  $before = @($words | Select-Object -Skip 1)
  $typed = "$wordToComplete"
  # PowerShell before 7.3 leaves out empty arguments unless they are quoted.
  if ($typed -eq '' -and ($PSVersionTable.PSVersion -lt [version]'7.3' -or
      "$PSNativeCommandArgumentPassing" -eq 'Legacy')) { $typed = '""' }
  & $program __complete '--' @before $typed 2>$null | ForEach-Object {
    $value, $description = "$_" -split "\`t", 2
    if (-not $description) { $description = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
  }
}
`;

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
