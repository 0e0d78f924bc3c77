# For the recipes: `source "$(dirname "${BASH_SOURCE[0]}")/quoted.sh"`.
#
# quoted VALUE prints VALUE as a quoted string of Hydra's, so that a path may hold any letter, a blank, = ( ) # or quotes.
# A list, [a.parquet,b.parquet], is Hydra's already: quote its parts yourself, "['a b.parquet',c.parquet]".
quoted() {
  case $1 in
    \[*) printf '%s' "$1" ;;
    *) printf "'%s'" "$(printf '%s' "$1" | LC_ALL=C sed -zE "s/(\\\\*)'/\\1\\1\\\\'/g; s/(\\\\+)\$/\\1\\1/")" ;;
  esac
}
