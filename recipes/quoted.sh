# For the recipes: `source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"`.
#
# `quoted VALUE` prints VALUE as a quoted string for Hydra, so that a path may contain blanks, quotes and = ( ) #.
# A list such as [a.parquet,b.parquet] is printed as it is; quote its parts yourself: "['a b.parquet',c.parquet]".
quoted() {
  case $1 in
    \[*) printf '%s' "$1" ;;
    *) printf "'%s'" "$(printf '%s' "$1" | LC_ALL=C sed -zE "s/(\\\\*)'/\\1\\1\\\\'/g; s/(\\\\+)\$/\\1\\1/")" ;;
  esac
}
