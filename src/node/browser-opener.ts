import { spawn } from "node:child_process";

/**
 * Opens a page in the user's browser; rejects when no program for that can be started. The URL is an argument of its own,
 * never part of a shell command.
 */
export async function openInBrowser(url: string): Promise<void> {
	const [command, ...args] =
		process.platform === "win32"
			? (["rundll32.exe", "url.dll,FileProtocolHandler", url] as const)
			: ([process.platform === "darwin" ? "open" : "xdg-open", url] as const);
	await new Promise<void>((resolve, reject) => {
		const child = spawn(command, args, { stdio: "ignore", detached: true });
		child.once("error", reject);
		child.once("spawn", resolve);
		child.unref();
	});
}
