import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { documentSchemas } from "../../src/cli/schemas/documents.ts";
import { childEnvironment, cliFile, runCli } from "../support/cli.ts";
import { serverAt } from "../support/s3/server.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { validate } from "./json-schema.ts";

type Started = {
	readonly endpoint: string;
	readonly buckets: readonly { readonly name: string; readonly folder: string }[];
	readonly accessKeyId: string;
	readonly secretAccessKey: string | null;
};

type Server = {
	readonly document: Started;
	readonly child: ChildProcessByStdio<null, Readable, Readable>;
	/** Exit code after the signal, and everything that was printed after the document. */
	end(signal: NodeJS.Signals): Promise<{ code: number | null; rest: string }>;
};

/** Starts `bale serve … --json` and waits for its document. */
async function serve(args: readonly string[], env: Record<string, string> = {}): Promise<Server> {
	const child = spawn(process.execPath, [cliFile, "serve", "--json", "--port", "0", ...args], {
		env: childEnvironment(temporaryDirectory(), env),
		stdio: ["ignore", "pipe", "pipe"],
	});
	onTestFinished(() => void child.kill("SIGKILL"));
	let printed = "";
	let errors = "";
	child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
	const document = await new Promise<Started>((resolve, reject) => {
		child.once("exit", (code) => {
			reject(new Error(`bale serve ended with ${code}: ${errors}`));
		});
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			printed += text;
			if (!printed.endsWith("\n}\n")) return;
			resolve(JSON.parse(printed) as Started);
			printed = "";
		});
	});
	return {
		document,
		child,
		async end(signal) {
			const ended = once(child, "exit") as Promise<[number | null]>;
			child.kill(signal);
			const [code] = await ended;
			return { code, rest: printed + errors };
		},
	};
}

function storeOf({ document }: Server, bucket: string) {
	const { accessKeyId, secretAccessKey } = document;
	return serverAt(document.endpoint, { accessKeyId, secretAccessKey: secretAccessKey ?? "" }, () =>
		Promise.resolve(),
	).openStore(bucket);
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("bale serve --s3", () => {
	it("prints one document when it is ready, serves folders as buckets, and ends when it is told to", async () => {
		const parent = temporaryDirectory();
		for (const name of ["Lab", "raw data"]) mkdirSync(join(parent, name));
		writeFileSync(join(parent, "Lab", "here.txt"), "was here");
		const server = await serve(["--s3", join(parent, "Lab"), `raw=${join(parent, "raw data")}`]);
		expect(validate(documentSchemas["bale.serve/1"] ?? {}, server.document)).toEqual([]);
		expect(server.document).toMatchObject({
			endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
			buckets: [
				{ name: "lab", folder: join(parent, "Lab") },
				{ name: "raw", folder: join(parent, "raw data") },
			],
			readOnly: false,
		});
		expect(await storeOf(server, "lab").head("here.txt")).toMatchObject({ size: 8 });
		await storeOf(server, "raw").put("below/new.txt", encode("new"));
		expect(readFileSync(join(parent, "raw data/below/new.txt"), "utf8")).toBe("new");
		expect(await server.end("SIGTERM")).toEqual({ code: 0, rest: "" });
	});

	it("keeps what is replaced as a version, over its end", async () => {
		const folder = join(temporaryDirectory(), "lab");
		mkdirSync(folder);
		const keys = { BALE_S3_ACCESS_KEY_ID: "someone", BALE_S3_SECRET_ACCESS_KEY: "something secret" };
		const first = await serve(["--s3", folder], keys);
		expect(first.document).toMatchObject({ accessKeyId: "someone", secretAccessKey: null });
		const open = (server: Server) =>
			storeOf({ ...server, document: { ...server.document, secretAccessKey: "something secret" } }, "lab");
		const { versionId } = await open(first).put("a", encode("one"));
		await open(first).put("a", encode("three"));
		expect(await first.end("SIGINT")).toMatchObject({ code: 0 });
		const second = await serve(["--s3", folder, "--read-only"], keys);
		expect(await open(second).head("a", { versionId: versionId ?? "" })).toMatchObject({ size: 3 });
		expect(await open(second).head("a")).toMatchObject({ size: 5 });
		await expect(open(second).put("a", encode("x"))).rejects.toMatchObject({ code: "AccessDenied" });
		await second.end("SIGTERM");
	});

	it("says what is wrong with the call", async () => {
		const home = temporaryDirectory();
		for (const name of ["lab/in", "x", "other/lab"]) mkdirSync(join(home, name), { recursive: true });
		writeFileSync(join(home, "file"), "");
		const busy = createServer().listen(0, "127.0.0.1");
		onTestFinished(() => void busy.close());
		await once(busy, "listening");
		const address = busy.address();
		const port = typeof address === "object" && address !== null ? String(address.port) : "";
		const cases: [args: string[], text: RegExp, env?: Record<string, string>][] = [
			[[], /needs --s3/],
			[["--s3", "none"], /does not exist/],
			[["--s3", "lab=file"], /not a directory/],
			[["--s3", "x"], /NAME=FOLDER/],
			[["--s3", "lab", "other/lab"], /bucket lab already/],
			[["--s3", "lab", "inner=lab/in"], /inside of the other/],
			[["--s3", "lab", "--host", "0.0.0.0"], /generated keys/],
			[["--s3", "lab", "--port", "65536"], /65535/],
			[["--s3", "lab", "--port", port], /another program listens there/],
			[["--s3", "lab"], /missing or too short/, { BALE_S3_ACCESS_KEY_ID: "someone" }],
		];
		for (const [args, text, env] of cases) {
			const { code, stdout, stderr } = await runCli(["serve", ...args], {
				home,
				cwd: home,
				...(env === undefined ? {} : { env }),
			});
			expect(stderr, args.join(" ")).toMatch(text);
			expect(code, args.join(" ")).toBeGreaterThan(0);
			expect(stdout).toBe("");
		}
	});
});
