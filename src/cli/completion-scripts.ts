// What shells read to complete the words of p6nctl: they ask p6nctl itself, with what stands up to
// the cursor.

export const COMPLETE_FLAG = '--complete';
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_p6nctl() {
  local IFS=$'\\n'
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(p6nctl ${COMPLETE_FLAG} "\${words[@]}" 2>/dev/null))
}
complete -o default -F _p6nctl p6nctl
`,
  zsh: `#compdef p6nctl
_p6nctl() {
  local -a found
  found=("\${(@f)$(p6nctl ${COMPLETE_FLAG} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
if [[ "$funcstack[1]" == _p6nctl ]]; then _p6nctl "$@"; else compdef _p6nctl p6nctl; fi
`,
  fish: `function __p6nctl_complete
  set -l words (commandline -opc) (commandline -ct)
  p6nctl ${COMPLETE_FLAG} $words[2..-1] 2>/dev/null
end
complete -c p6nctl -a '(__p6nctl_complete)'
`,
};
