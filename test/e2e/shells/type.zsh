# Types into an interactive shell on a pseudo terminal: type.zsh FILE KEYS COMMAND...
# Waits for the prompt "ready>", sends KEYS, and ends when the shell has written FILE, or after 30 seconds.
zmodload zsh/zpty zsh/datetime
file=$1 keys=$2
shift 2
zpty -b shell "$@"
screen=""
deadline=$((EPOCHSECONDS + 30))
sent=0
while ((EPOCHSECONDS < deadline)); do
	if zpty -r -t shell chunk; then
		screen+=$chunk
		if ((!sent)) && [[ $screen == *"ready>"* ]]; then
			sleep 0.3
			zpty -w -n shell "$keys"
			sent=1
		fi
	else
		[[ -e $file ]] && break
		sleep 0.05
	fi
done
print -r -- "$screen"
zpty -d shell
