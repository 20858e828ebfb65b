# Completion of namegen in bash 4 and newer: eval "$(namegen completion bash)"
_namegen() {
    local answer value
    COMPREPLY=()
    mapfile -t answer <<< "$("${1/#\~\//$HOME/}" __complete bash \
        "${COMP_LINE:0:COMP_POINT}" "${COMP_LINE:COMP_POINT}" "$2" 2>/dev/null </dev/null)"
    COMPREPLY=("${answer[@]:1}")
    [[ ${answer[0]} == files ]] || return 0
    if (( ${#COMPREPLY[@]} == 0 )); then
        compopt -o default
        return 0
    fi
    compopt -o filenames
    while IFS= read -r value; do
        COMPREPLY+=("$value")
    done < <(compgen -f -- "$2")
}
complete -F _namegen namegen
