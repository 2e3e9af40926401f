/** A gateway of the tests, in a process of its own. Its argument is JSON; prints its endpoint, and ends with its input. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { openFolder } from "../../../src/server/serve.ts";
import { startGateway } from "../../../src/server/s3/gateway.ts";
import type { GatewayStart } from "./gateway.ts";

const { root, keys, options } = JSON.parse(process.argv[2] ?? "") as GatewayStart;

const gateway = await startGateway({
	buckets: [],
	keys,
	async create(name) {
		const folder = join(root, name);
		mkdirSync(folder);
		return openFolder(folder, name, { durability: "process", versions: false });
	},
	onError: (error) => {
		console.error(error);
	},
	...options,
});
process.stdout.write(`${gateway.endpoint}\n`);
process.stdin.resume().once("close", () => {
	void gateway.close(0).then(() => process.exit(0));
});
