/** The real quilt3 8.0.0 in a Python process (`driver.py`), one request after the other. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findTool } from "../../scripts/tools.mjs";
import type { Step } from "./steps.ts";

/** How quilt3 failed: the name of the Python class, and its text. */
export class Quilt3Error extends Error {
	override readonly name = "Quilt3Error";
	readonly type: string;

	constructor(type: string, message: string) {
		super(`${type}: ${message}`);
		this.type = type;
	}
}

export type Quilt3Entry = {
	readonly physical_key: string;
	readonly size: number;
	readonly hash: { readonly type: string; readonly value: string };
	readonly meta_json: string;
};

export type Quilt3Package = {
	readonly top_hash: string;
	readonly meta_json: string;
	readonly message: string | null;
	readonly entries: Readonly<Record<string, Quilt3Entry>>;
};

/** A revision in a directory registry (an absolute path); without `top_hash` the latest. */
export type Revision = { readonly name: string; readonly registry: string; readonly top_hash?: string };

type Answer = { id: number; result?: unknown; error?: { type: string; message: string } };
type Waiting = { resolve: (result: unknown) => void; reject: (error: Error) => void };

/** Path of the Python that has quilt3. */
export function interpreter(): string {
	const named = process.env["BALE_TEST_PYTHON"];
	if (named !== undefined) return named;
	const found = findTool("python");
	if (found.missing !== undefined) throw new Error(`${found.missing}. ${found.fix}.`);
	return found.env["BALE_TEST_PYTHON"] ?? "";
}

export class Quilt3 {
	readonly #process: ChildProcessWithoutNullStreams;
	readonly #waiting = new Map<number, Waiting>();
	readonly #ended: Promise<void>;
	#requests = 0;
	#messages = "";

	constructor() {
		this.#process = spawn(interpreter(), ["-W", "ignore", join(import.meta.dirname, "driver.py")], {
			env: { ...process.env, PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1" },
		});
		this.#process.stderr.setEncoding("utf8").on("data", (text: string) => (this.#messages += text));
		createInterface(this.#process.stdout).on("line", (line) => {
			this.#settle(JSON.parse(line) as Answer);
		});
		this.#ended = new Promise((resolve) => {
			this.#process.on("close", () => {
				for (const { reject } of this.#waiting.values())
					reject(new Error(`the quilt3 process ended\n${this.#messages}`));
				resolve();
			});
		});
	}

	#settle({ id, result, error }: Answer): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (error) waiting?.reject(new Quilt3Error(error.type, error.message));
		else waiting?.resolve(result);
	}

	async #request<T>(op: string, fields: object): Promise<T> {
		const id = ++this.#requests;
		const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
		this.#process.stdin.write(`${JSON.stringify({ ...fields, id, op })}\n`);
		return (await answer) as T;
	}

	async version(): Promise<string> {
		return this.#request("version", {});
	}

	/** Makes a package by these steps and builds it; resolves to its top hash and the manifest as it was written. */
	async build(
		name: string,
		registry: string,
		steps: readonly Step[],
		message?: string | null,
		options: { readonly workflow?: string | null } = {},
	): Promise<{ top_hash: string; manifest: string }> {
		return this.#request("build", { name, registry, steps, message, ...options });
	}

	/** Makes a package by these steps, or takes a revision, and pushes it to a bucket. */
	async push(
		source: Revision | { readonly steps: readonly Step[] },
		target: {
			readonly name: string;
			readonly registry: string;
			readonly message?: string | null;
			readonly workflow?: string | null;
		},
	): Promise<Quilt3Package> {
		const { name, registry, ...options } = target;
		return this.#request("push", { ...source, to_name: name, to_registry: registry, ...options });
	}

	async rebuild(
		revision: Revision,
		target: { readonly new_registry: string; readonly new_name?: string; readonly message?: string | null },
	): Promise<{ top_hash: string }> {
		return this.#request("rebuild", { ...revision, ...target });
	}

	async browse(revision: Revision): Promise<Quilt3Package> {
		return this.#request("browse", revision);
	}

	/** Logical key -> hex SHA-256 of the bytes that quilt3 reads. */
	async read(revision: Revision): Promise<Record<string, string>> {
		return this.#request("read", revision);
	}

	async install(revision: Revision, dest: string, destRegistry?: string): Promise<void> {
		return this.#request("install", { ...revision, dest, dest_registry: destRegistry });
	}

	async verify(revision: Revision, dir: string, extraFilesOk = false): Promise<boolean> {
		return this.#request("verify", { ...revision, dir, extra_files_ok: extraFilesOk });
	}

	async diff(
		revision: Pick<Revision, "name" | "registry">,
		from: string,
		to: string,
	): Promise<{ added: string[]; modified: string[]; deleted: string[] }> {
		return this.#request("diff", { ...revision, from, to });
	}

	async listPackages(registry: string): Promise<string[]> {
		return this.#request("list_packages", { registry });
	}

	/** Pairs of pointer and top hash. */
	async versions(name: string, registry: string): Promise<[string, string][]> {
		return this.#request("versions", { name, registry });
	}

	async delete(revision: Revision): Promise<void> {
		return this.#request("delete", revision);
	}

	async rollback(revision: Required<Revision>): Promise<void> {
		return this.#request("rollback", revision);
	}

	async dump(revision: Revision, path: string): Promise<void> {
		return this.#request("dump", { ...revision, path });
	}

	async load(path: string): Promise<Quilt3Package> {
		return this.#request("load", { path });
	}

	async resolveHash(name: string, registry: string, prefix: string): Promise<string> {
		return this.#request("resolve_hash", { name, registry, prefix });
	}

	/** Ends the process. */
	async close(): Promise<void> {
		this.#process.stdin.end();
		await this.#ended;
	}
}
