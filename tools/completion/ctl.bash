# bash completion for ctl, emqx_ctl and keel. Words only: nothing is asked of a running broker. The names
# of plugins are those of the files beside the ctl that is completed, in its installation or build tree.

_keel_ctl_words() {
  local -a given=("$@")
  case "${given[*]:0:2}" in
    "plugins load" | "plugins unload" | "plugins reload" | "plugins upgrade" | "plugins show" | "plugins describe")
      ((${#given[@]} == 2)) && _keel_ctl_plugins && return
      return
      ;;
    "log handlers") echo "list set-level" && return ;;
    "log set-level" | "log primary-level") echo "debug info notice warning error critical alert emergency" && return ;;
    "sessions list") echo "persistent transient" && return ;;
    "trace start" | "trace stop") echo "client topic" && return ;;
    "banned add" | "banned del") echo "client user address" && return ;;
  esac
  ((${#given[@]} > 1)) && return
  case "${given[0]-}" in
    "") echo "status broker clients banned sessions routes topics subscriptions retainer durability listeners log trace \
              vm conf metrics plugins hooks stop" ;;
    broker) echo "stats metrics" ;;
    clients) echo "list show kick" ;;
    banned) echo "list add del" ;;
    sessions) echo "list show clean-persistent" ;;
    routes | topics) echo "list show" ;;
    subscriptions) echo "list show add del" ;;
    retainer) echo "info topics clean" ;;
    listeners) echo "stop start restart reload" ;;
    log) echo "set-level primary-level handlers" ;;
    trace) echo "start stop list" ;;
    vm) echo "all load memory process io ports" ;;
    conf) echo "show check reload" ;;
    metrics) echo "--prometheus" ;;
    plugins) echo "list load unload reload upgrade show describe check top new" ;;
    hooks) echo "list" ;;
  esac
}

_keel_ctl_plugins() {
  local above file
  above=$(dirname "$(dirname "$(readlink -f "$(command -v "${COMP_WORDS[0]}")")")")
  for file in "$above"/lib/keel/plugins/*.so "$above"/plugins/*.so; do
    [[ -e $file ]] && basename "$file" .so
  done
}

# The options of one command.
_keel_ctl_options() {
  case "$*" in
    "plugins load"*) echo "--once" ;;
    "plugins unload"*) echo "--now" ;;
    "plugins top"*) echo "--once" ;;
    "banned add"*) echo "--for --reason" ;;
    "plugins new"*) echo "--kind --dir" ;;
  esac
}

_keel_ctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local -a given=()
  local i
  COMPREPLY=()
  if [[ $previous == --socket ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  case $previous in
    --kind) mapfile -t COMPREPLY < <(compgen -W "hook gateway auth ctl" -- "$current") && return ;;
    --dir) mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --socket | --kind | --dir | --for | --reason) ((i++)) ;;
      -*) ;;
      *) given+=("${COMP_WORDS[i]}") ;;
    esac
  done
  local words
  words=$(_keel_ctl_words "${given[@]}")
  [[ $current == -* ]] && words+=" --json --socket $(_keel_ctl_options "${given[@]}")"
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  # A command that wants a file at this place (`trace start ... FILE`, `conf check FILE`).
  if ((${#COMPREPLY[@]} == 0)) && [[ "${given[0]-} ${given[1]-}" == @(trace *|conf *|plugins check|plugins upgrade) ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

_keel() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $previous in
    -c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "-c --set --check --version --help" -- "$current") ;;
  esac
}

complete -F _keel_ctl ctl emqx_ctl
complete -F _keel keel
