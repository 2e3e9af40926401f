/**
 * A process with several writers of one package, for `concurrency.test.ts`. Prints one JSON line for each push.
 * Arguments: bucket, number of the first writer, writers, pushes of each, mode, seed, whether it gives up soon on what does
 * not answer.
 */
import { Package, isBaleError, pushPackage } from "../../src/index.ts";
import { randomFrom } from "../support/random.ts";
import { impatient } from "../support/s3/impatient.ts";
import { serverAt } from "../support/s3/server.ts";

const name = "team/data";
const [bucket = "", first = "0", writers = "1", pushes = "1", mode = "rebase", seed = "0", patience = ""] =
	process.argv.slice(2);
const {
	AWS_ENDPOINT_URL_S3: endpoint = "",
	AWS_ACCESS_KEY_ID: accessKeyId = "",
	AWS_SECRET_ACCESS_KEY: secretAccessKey = "",
} = process.env;
const server = serverAt(endpoint, { accessKeyId, secretAccessKey }, () => Promise.resolve());
const registry =
	patience === "impatient" ? server.openStore(bucket, { transport: impatient }) : `s3://${bucket}`;

/** Errors after which a push is tried again; each attempt begins anew with what is there. */
const passing = [
	"Conflict",
	"DestinationConflict",
	"StoreUnavailable",
	"RevisionNotFound",
	"SourceChanged",
	// A pointer that comes damaged three times in a row: of so many reads through the faults some do.
	"IntegrityMismatch",
] as const;

async function writer(number: number): Promise<void> {
	const random = randomFrom(Number(seed) + number);
	for (let push = 0; push < Number(pushes); push++) {
		const line = `${number}/${push}\n`;
		// In the mode "same" all writers add a line to one file: then only doing it again helps.
		const key = mode === "same" ? "shared" : `writer ${line.trim()}`;
		for (let attempt = 1; ; attempt++) {
			await new Promise((resolve) => setTimeout(resolve, random() * 30));
			try {
				const pkg = await Package.browse(name, { registry });
				const content = pkg.has(key) ? (await pkg.entry(key).text()) + line : line;
				await pkg.set(key, new TextEncoder().encode(content));
				const rebase = mode !== "same";
				const { topHash } = await pushPackage(pkg, name, { registry, rebase, message: line });
				process.stdout.write(`${JSON.stringify({ key, content, topHash })}\n`);
				break;
			} catch (error) {
				if (!isBaleError(error, ...passing) || attempt === 200) throw error;
			}
		}
	}
}

await Promise.all(Array.from({ length: Number(writers) }, (_, index) => writer(Number(first) + index)));
