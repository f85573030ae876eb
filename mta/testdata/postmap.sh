# Plays postmap: TYPE:FILE makes FILE.db (or FILE.lmdb). A text that says
# "broken" fails as a bad line does.
type=${1%%:*} file=${1#*:} end=db text=compiled
[ "$type" = lmdb ] && end=lmdb
while read -r line; do
	text="$text
$line"
	case $line in *broken*) echo "postmap: fatal: ${file##*/}, line 1: broken" >&2; exit 1 ;; esac
done <"$file"
echo "$text" >"$file.$end"
