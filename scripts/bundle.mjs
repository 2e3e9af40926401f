/**
 * Joins the compiled command (`dist/cli/main.js` and what it imports) into a few files below `dist/bin`: a process that loads
 * 30 files starts in half the time of one that loads 170. What is loaded lazily stays a file of its own, and so does the
 * worker, which is started by its address. Packages of others are not joined in.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./setup.mjs";

/** Writes `dist/bin`, anew. */
export async function bundleCommand() {
	const { rolldown } = await import("rolldown");
	const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
	const isPackage = (name) =>
		Object.keys(dependencies).some((known) => name === known || name.startsWith(`${known}/`));
	const bundle = await rolldown({
		cwd: root,
		platform: "node",
		input: { bale: "dist/cli/main.js", "hash-worker": "dist/node/hash-worker.mjs" },
		external: (name) => name.startsWith("node:") || isPackage(name),
	});
	const directory = join(root, "dist/bin");
	rmSync(directory, { recursive: true, force: true });
	await bundle.write({
		dir: directory,
		// `new Worker(new URL("./hash-worker.mjs", import.meta.url))` finds it beside the file that starts it.
		entryFileNames: ({ name }) => (name === "hash-worker" ? "[name].mjs" : "[name].js"),
		chunkFileNames: "[name]-[hash].js",
	});
	await bundle.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await bundleCommand();
