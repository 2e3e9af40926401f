/** The candidate that `word` was probably meant to be: the one that begins so, or one at most two slips away. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
	const wanted = word.toLowerCase();
	const longer = wanted.length < 2 ? [] : candidates.filter((candidate) => candidate.startsWith(wanted));
	if (longer.length > 0) return longer[0];
	let best: string | undefined;
	let bestDistance = Math.min(2, Math.floor(wanted.length / 2)) + 1;
	for (const candidate of candidates) {
		const distance = editDistance(wanted, candidate);
		if (distance < bestDistance) {
			best = candidate;
			bestDistance = distance;
		}
	}
	return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
	let before: number[] = [];
	let row = Array.from({ length: to.length + 1 }, (_, column) => column);
	for (let i = 1; i <= from.length; i++) {
		const next = [i];
		for (let j = 1; j <= to.length; j++) {
			const cost = from[i - 1] === to[j - 1] ? 0 : 1;
			let least = Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
			if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
				least = Math.min(least, (before[j - 2] ?? 0) + 1);
			}
			next.push(least);
		}
		before = row;
		row = next;
	}
	return row[to.length] ?? 0;
}
