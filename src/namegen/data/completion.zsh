#compdef namegen
# Completion of namegen in zsh: eval "$(namegen completion zsh)", behind compinit

_namegen() {
    local word=$PREFIX line value
    local -a answer candidates ignoring_case
    [[ -n $compstate[quote] ]] || word=${(Q)word}
    answer=("${(@f)$(${(Q)~words[1]} __complete words $(( CURRENT - 1 )) \
        "${(@Q)words[1,CURRENT-1]}" "$word" "${(@Q)words[CURRENT+1,-1]}" 2>/dev/null </dev/null)}")
    for line in "${(@)answer[2,-1]}"; do
        value=${line%%$'\t'*}
        value=${${value//\\/\\\\}//:/\\:}
        [[ $line == *$'\t'* ]] && value+=":${line#*$'\t'}"
        candidates+=("$value")
    done
    [[ $word == -* ]] || ignoring_case=(-M 'm:{[:lower:][:upper:]}={[:upper:][:lower:]}')
    local -i found=1
    (( $#candidates )) && _describe -t values 'namegen' candidates $ignoring_case && found=0
    if [[ $answer[1] == files ]]; then
        [[ $word == --*=* ]] && compset -P '*='
        _files && found=0
    fi
    return found
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _namegen "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _namegen namegen
fi
