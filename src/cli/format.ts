/** Numbers as people read them. */

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `3.4 MiB` */
export function formatBytes(bytes: number): string {
	let value = bytes;
	let unit = 0;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? "B"}`;
}

/** `12,345` */
export function formatCount(count: number): string {
	return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 file`, `12,345 files` */
export function plural(count: number, one: string, many = `${one}s`): string {
	return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `0:07`, `12:30`, `1:02:03` */
export function formatDuration(seconds: number): string {
	const whole = Math.max(0, Math.round(seconds));
	const minutes = Math.floor(whole / 60);
	const tail = String(whole % 60).padStart(2, "0");
	return minutes < 60
		? `${minutes}:${tail}`
		: `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${tail}`;
}

/** The beginning of a top hash, for sentences. */
export function shortHash(topHash: string): string {
	return topHash.slice(0, 10);
}
