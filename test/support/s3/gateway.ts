/** `bale serve --s3` as a server of the tests: in this process, over folders of its own. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openFolder } from "../../../src/server/serve.ts";
import { startGateway, type GatewayOptions } from "../../../src/server/s3/gateway.ts";
import { makeTemporaryDirectory, removeDirectory } from "../temporary.ts";
import { makeKeys, serverAt, type S3Server } from "./server.ts";

export type TestGateway = S3Server & {
	/** The folder that is served as a bucket. */
	folderOf(bucket: string): string;
};

/** A gateway that makes buckets when it is asked to; they keep no versions before it is told so, as those of S3. */
export async function startTestGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
	const root = makeTemporaryDirectory();
	const keys = makeKeys();
	const folderOf = (name: string): string => join(root, name);
	const gateway = await startGateway({
		buckets: [],
		keys,
		async create(name) {
			mkdirSync(folderOf(name));
			const bucket = await openFolder(folderOf(name), name, { durability: "process" });
			await bucket.setVersioning(false);
			return bucket;
		},
		onError: (error) => {
			console.error(error);
		},
		...options,
	});
	const stop = async (): Promise<void> => {
		await gateway.close(0);
		removeDirectory(root);
	};
	return { ...serverAt(gateway.endpoint, keys, stop), folderOf };
}
