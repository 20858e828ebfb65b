# Completion of namegen in fish 3.4 and newer: namegen completion fish > ~/.config/fish/completions/namegen.fish

function __namegen_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    set -l settings
    while string match -qr '^\w+=' -- "$before[1]" # NAMEGEN_MODEL=elves namegen ...
        set -a settings $before[1]
        set -e before[1]
    end
    set -l program (string replace -r '^~/' ~/ -- $before[1])
    set -l answer (env $settings $program __complete words (count $before) \
        $before "$(string unescape -- $typed)" 2>/dev/null </dev/null)
    printf '%s\n' $answer[2..-1]
    if test "$answer[1]" = files
        set -l attached (string match -r -- '^--[^=]*=' $typed)
        set -l files (complete -C "'' $(string replace -- "$attached" '' $typed)")
        printf '%s\n' "$attached"$files
    end
end

complete -c namegen -f -a '(__namegen_complete)'
