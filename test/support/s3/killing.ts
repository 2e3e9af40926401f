/** Running the built command through a proxy and killing it (SIGKILL) at points that are told by its requests. */
import { type CliOptions, type CliResult, runCli } from "../cli.ts";
import type { Random } from "../random.ts";
import type { LoggedRequest, S3Proxy } from "./proxy.ts";

/** When a process is killed: as soon as so many bytes have passed, or when it makes the request with this number (from 0). */
export type KillPoint = { readonly bytes: number } | { readonly request: number };

/** Mostly a point within the first `bytes`, sometimes one of the first `requests`. */
export function chooseKillPoint(random: Random, bytes: number, requests: number): KillPoint {
	return random.chance(0.7)
		? { bytes: random.integer(0, bytes) }
		: { request: random.integer(0, requests - 1) };
}

/**
 * Runs the command and kills it at `point`; without one it ends by itself. Gives what it asked for, after everything that
 * it had sent has arrived. A killed command has no exit code.
 */
export async function runKilled(
	proxy: S3Proxy,
	args: readonly string[],
	options: Pick<CliOptions, "home" | "env">,
	point: KillPoint | undefined,
): Promise<CliResult & { readonly requests: readonly LoggedRequest[] }> {
	proxy.clear();
	const ending = new AbortController();
	proxy.before = () => {
		if (point !== undefined && "request" in point && proxy.log.length > point.request) ending.abort();
		return Promise.resolve();
	};
	const watch = setInterval(() => {
		if (point === undefined || !("bytes" in point)) return;
		const passed = proxy.log.reduce((sum, { sent, received }) => sum + sent + received, 0);
		if (passed >= point.bytes && passed > 0) ending.abort();
	}, 2);
	try {
		const result = await runCli(args, { ...options, signal: ending.signal, killSignal: "SIGKILL" });
		await proxy.settled();
		return { ...result, requests: proxy.clear() };
	} finally {
		clearInterval(watch);
		proxy.before = () => Promise.resolve();
	}
}
