/** Completion scripts. They hand the words of the line to `bale __complete` and offer what it prints. */

export type Shell = "bash" | "zsh" | "fish";

export function isShell(text: string): text is Shell {
	return text === "bash" || text === "zsh" || text === "fish";
}

/**
 * bash cuts words at `:`, `=` and `@`, which are part of our words; so the line is split at blanks here,
 * and what bash has cut off is removed from the candidates again (a final `@` it keeps with the word).
 */
const bash = `# Completion of bale for bash; made by "bale completion bash".
_bale_complete() {
	local line="\${COMP_LINE:0:COMP_POINT}" words current breaks prefix="" item value
	read -r -a words <<< "$line"
	if [[ $line == *[[:space:]] ]]; then words+=(""); fi
	current="\${words[\${#words[@]}-1]}"
	breaks="\${COMP_WORDBREAKS//[^:=@]/}"
	if [[ -n $breaks && $current == *["$breaks"]* ]]; then
		prefix="\${current%"\${current##*["$breaks"]}"}"
		prefix="\${prefix%@}"
	fi
	COMPREPLY=()
	local word="\${current#"$prefix"}"
	while IFS= read -r item; do
		case $item in
			:files)
				compopt -o filenames
				while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$word")
				;;
			:folders)
				compopt -o filenames
				while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -d -- "$word")
				;;
			*)
				value="\${item%%$'\\t'*}"
				COMPREPLY+=("\${value#"$prefix"}")
				;;
		esac
	done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _bale_complete bale
`;

const zsh = `#compdef bale
# Completion of bale for zsh; made by "bale completion zsh".
_bale() {
	local item value
	local -a values shown
	while IFS= read -r item; do
		case $item in
			:files) _files ;;
			:folders) _files -/ ;;
			*)
				value="\${item%%$'\\t'*}"
				values+=("$value")
				if [[ $item == *$'\\t'* ]]; then
					shown+=("$value  -- \${item#*$'\\t'}")
				else
					shown+=("$value")
				fi
				;;
		esac
	done < <("\${(Q)words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
	if (( \${#values} )); then compadd -l -d shown -a values; fi
}
if [[ $funcstack[1] == _bale ]]; then
	_bale "$@"
else
	compdef _bale bale
fi
`;

const fish = `# Completion of bale for fish; made by "bale completion fish".
function __bale_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	for item in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
		switch $item
			case ':files'
				__fish_complete_path "$current"
			case ':folders'
				__fish_complete_directories "$current"
			case '*'
				echo $item
		end
	end
end
complete -c bale -f -a '(__bale_complete)'
`;

/** The script for a shell. */
export function completionScript(shell: Shell): string {
	return { bash, zsh, fish }[shell];
}
