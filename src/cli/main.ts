#!/usr/bin/env node
/**
 * The entry of the command `bale`. It only decides how little to load: the version needs one small
 * file, help and completion need the command table, and a command loads itself.
 */
import process from "node:process";

const args = process.argv.slice(2);
if (args[0] === "--version" || args[0] === "-V") {
	const { version } = await import("./version.ts");
	process.stdout.write(`${version()}\n`);
} else if (args[0] === "__complete") {
	const { complete } = await import("./completion/complete.ts");
	process.stdout.write(await complete(args.slice(1), process.env));
} else {
	const { main } = await import("./run.ts");
	await main(args);
}
