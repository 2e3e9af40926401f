/** The server of `bale serve --s3` for the tests: in a process of its own, over folders of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { GatewayOptions } from "../../../src/server/s3/gateway.ts";
import { scriptCommand } from "../child.ts";
import { makeTemporaryDirectory, removeDirectory } from "../temporary.ts";
import { makeKeys, serverAt, type S3Server, type ServerKeys } from "./server.ts";

export type TestGatewayOptions = Pick<GatewayOptions, "origins" | "readOnly" | "idleMs" | "keepAliveMs">;

/** What the process is told. */
export type GatewayStart = {
	readonly root: string;
	readonly keys: ServerKeys;
	readonly options: TestGatewayOptions;
};

export type TestGateway = S3Server & {
	/** The folder that is served as a bucket. */
	folderOf(bucket: string): string;
};

/** A gateway that makes buckets when it is asked to; they keep no versions before it is told so, as those of S3. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
	const start: GatewayStart = { root: makeTemporaryDirectory(), keys: makeKeys(), options };
	const script = scriptCommand("test/support/s3/gateway-process.ts", [JSON.stringify(start)]);
	const child = spawn(process.execPath, script, { stdio: ["pipe", "pipe", "inherit"] });
	const ended = once(child, "exit");
	const lines = createInterface(child.stdout);
	const endpoint = await Promise.race([
		once(lines, "line").then(([line]) => String(line)),
		ended.then(() => {
			throw new Error("the gateway did not start");
		}),
	]);
	const stop = async (): Promise<void> => {
		child.stdin.end();
		await ended;
		removeDirectory(start.root);
	};
	return { ...serverAt(endpoint, start.keys, stop), folderOf: (name) => join(start.root, name) };
}
