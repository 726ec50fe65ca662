/**
 * What a shell loads to complete `gantry`. Each script only asks the command itself and hands the answer to its shell, so
 * that it never grows old. Words reach the command as they are: no shell reads them a second time.
 */

export type Shell = 'bash' | 'zsh' | 'fish';

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const BASH = `# bash completion for gantry: source <(gantry completion bash)

_gantry() {
    local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} joined=0 word i
    local -a words=()
    # Bash takes = and : for words of their own; gantry does not.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        if [[ -z $word && \${#words[@]} -gt 0 && $line != *[[:space:]] ]]; then
            continue
        elif [[ -n $word && \${#words[@]} -gt 0 && ($joined = 1 || $word == [=:]*) ]]; then
            words[\${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        if [[ $word == *[=:] ]]; then joined=1; else joined=0; fi
    done

    local current=\${words[\${#words[@]}-1]} last=\${COMP_WORDS[COMP_CWORD]} out
    if [[ $last == [=:]* ]]; then last=\${last:1}; fi
    # The part of the word that Bash leaves as it is.
    local kept=\${current%"$last"}
    COMPREPLY=()
    out=$("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null) || return 0
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default 2>/dev/null ;;
            :joined) compopt -o nospace 2>/dev/null ;;
            :*) ;;
            ?*) word=\${line%%$'\\t'*}; COMPREPLY+=("\${word#"$kept"}") ;;
        esac
    done <<< "$out"
}

complete -F _gantry gantry
`;

const ZSH = `#compdef gantry
# zsh completion for gantry: source <(gantry completion zsh), or as _gantry in a directory of $fpath

_gantry() {
    local -a given lines plain described suffix
    local line directive
    given=("\${(@Q)words[2,CURRENT]}")
    lines=("\${(@f)$("\${(Q)words[1]}" __complete -- "\${given[@]}" 2>/dev/null)}")
    directive=\${lines[-1]}
    if [[ $directive == :files ]]; then
        _files
        return
    fi
    for line in "\${(@)lines[1,-2]}"; do
        plain+=("\${line%%$'\\t'*}")
        described+=("\${line/$'\\t'/  -- }")
    done
    [[ $directive == :joined ]] && suffix=(-S '')
    compadd "\${suffix[@]}" -l -d described -a plain
}

if [[ \${funcstack[1]} == _gantry ]]; then
    _gantry "$@"
else
    compdef _gantry gantry
fi
`;

const FISH = `# fish completion for gantry: gantry completion fish | source

function __gantry_complete
    set -l given (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (command $given[1] __complete -- $given[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    if test "$lines[-1]" = ":files"
        __fish_complete_path "$current"
    else if test (count $lines) -gt 1
        printf '%s\\n' $lines[1..-2]
    end
end

complete -c gantry -e
complete -c gantry -f -a '(__gantry_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
