#!/bin/sh
# What qmail makes of a message for an address, by the files of the writer in DIR:
#   qmail-local.sh DIR SENDER ADDRESS <message
# It does what qmail-send(8), qmail-users(5) and dot-qmail(5) say, and exits as
# qmail-local does: 0 done, 100 bounced, 111 to be tried again.
dir=$1 SENDER=$2 local=${3%@*} HOST=${3##*@}

grep -qxF "$HOST" "$dir/rcpthosts" || { echo "sorry, that domain isn't in my list of allowed rcpthosts"; exit 100; }
LOCAL=$(grep -F "$HOST:" "$dir/virtualdomains" | while IFS=: read -r domain prefix; do
	[ "$domain" = "$HOST" ] && echo "$prefix-$local"
done)
[ "$(tail -n 1 "$dir/assign")" = . ] || { echo 'users/assign has no end'; exit 111; }

# The assignment whose beginning is the longest one. The address is compared in
# lower case, and what is left of it is the extension as it was.
lower=$(printf %s "$LOCAL" | tr A-Z a-z)
best= assignment=
while IFS= read -r line; do
	case $line in +*) ;; *) continue ;; esac
	beginning=${line%%:*} beginning=${beginning#+}
	case $lower in "$beginning"*)
		if [ ${#beginning} -gt ${#best} ]; then best=$beginning assignment=$line; fi ;;
	esac
done <"$dir/assign"
[ -n "$assignment" ] || { echo "no user for $LOCAL"; exit 100; }
IFS=: read -r _ USER uid gid HOME dash pre _ <<EOF
$assignment
EOF
EXT=$pre$(printf %s "$LOCAL" | cut -c $((${#best} + 1))-)
case $uid$gid in *[!0-9]*) echo "uid and gid are no numbers: $assignment"; exit 111 ;; esac

cd "$HOME" || { echo "unable to chdir to $HOME"; exit 111; }
[ -z "$(find . -maxdepth 0 -perm /022)" ] || { echo 'home directory is writable'; exit 111; }

# .qmail-EXT, else the -default file of the longest part before a dash.
name=$(printf %s "$EXT" | tr A-Z. a-z:)
file=.qmail$dash$name rest=$name
while [ ! -e "$file" ]; do
	case $rest in
	*-*) rest=${rest%-*} file=.qmail$dash$rest-default ;;
	'') echo 'sorry, no mailbox here by that name'; exit 100 ;;
	*) rest= file=.qmail${dash}default ;;
	esac
done
[ -z "$(find "$file" -perm /022)" ] || { echo "$file is writable"; exit 111; }

message=$(mktemp) || exit 111
trap 'rm -f "$message"' EXIT
cat >"$message"
export SENDER EXT HOST LOCAL USER HOME
while IFS= read -r instruction; do
	case $instruction in
	'|'*) sh -c "${instruction#|}" <"$message" ;;
	'#'*) continue ;;
	*) echo "no instruction that is known here: $instruction"; exit 111 ;;
	esac
	case $? in
	0) ;;
	99) exit 0 ;;
	100 | 64 | 65 | 70 | 76 | 77 | 78 | 112) exit 100 ;;
	*) exit 111 ;;
	esac
done <"$file"
