/** Turns the lines of a manifest into header and tree, one at a time. */
import { display } from "./display.ts";
import type { Entry } from "./entry.ts";
import { BaleError, isBaleError } from "./errors.ts";
import type { ErrorCode, ErrorDetails } from "./errors.ts";
import { JsonSyntaxError } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { LineError, parseHeaderLine, readObject, readUsualEntry } from "./manifest-line.ts";
import { Directory, Tree } from "./tree.ts";

/** Collects lines; the first one is the header. */
export class ManifestBuilder {
	readonly #tree = new Tree();
	#header: Map<string, Json> | undefined;
	/** Lines that have been read without error. */
	#lines = 0;
	/** The directory of the entry before: the next one mostly lies there, too. */
	#directoryKey = "";
	#directory: Directory = this.#tree.root;
	readonly #hashTypes = new Map<string, string>();

	/** Reads the line `text[start, end)`, without its line feed. */
	addLine(text: string, start: number, end: number): void {
		try {
			if (this.#header === undefined) this.#header = parseHeaderLine(text.slice(start, end));
			else {
				const line =
					readUsualEntry(text, start, end, (type) => this.#shareType(type)) ??
					readObject(text.slice(start, end));
				if (line.kind === "entry") this.#addEntry(line.key, line.entry);
				else this.#addDirectory(line.key, line.meta);
			}
		} catch (cause) {
			throw this.#located(cause);
		}
		this.#lines++;
	}

	finish(): { header: JsonObject; tree: Tree } {
		if (this.#header === undefined) {
			throw new BaleError("InvalidManifest", "Cannot read the manifest: it is empty", {
				details: { line: 1 },
			});
		}
		return { header: this.#header, tree: this.#tree };
	}

	/** An error about the line after the last good one. */
	error(
		code: ErrorCode,
		state: string,
		options: { details?: ErrorDetails; cause?: unknown } = {},
	): BaleError {
		const line = this.#lines + 1;
		const column = options.details?.["column"];
		const place = typeof column === "number" ? `line ${line}, column ${column}` : `line ${line}`;
		return new BaleError(code, `Cannot read the manifest: ${place} ${state}`, {
			details: { line, ...options.details },
			cause: options.cause,
		});
	}

	#located(cause: unknown): unknown {
		if (cause instanceof LineError) return this.error(cause.code, cause.message, { details: cause.details });
		if (cause instanceof JsonSyntaxError) {
			return this.error("InvalidManifest", `is not JSON: ${cause.message}`, {
				details: { column: cause.offset + 1 },
				cause,
			});
		}
		if (!isBaleError(cause)) return cause;
		return this.error(cause.code, `cannot be used: ${cause.message}`, { details: cause.details, cause });
	}

	#addEntry(key: string, entry: Entry): void {
		const slash = key.lastIndexOf("/");
		const directoryKey = slash < 0 ? "" : key.slice(0, slash);
		if (slash < 0) this.#directory = this.#tree.root;
		else if (directoryKey !== this.#directoryKey || this.#directory === this.#tree.root) {
			this.#directory = this.#tree.makeDirectory(directoryKey);
		}
		this.#directoryKey = directoryKey;
		const name = key.slice(slash + 1);
		const present = this.#directory.get(name);
		if (present === undefined) {
			this.#directory.set(name, entry);
			return;
		}
		const found = `the logical key "${display(key)}"`;
		if (!(present instanceof Directory)) throw new LineError(`repeats ${found}`, "DuplicateKey", { key });
		throw new LineError(`makes a file of ${found}, which is a directory`, "KeyCollision", { key });
	}

	/** All before the last slash names the directory; without slash it is the package itself. */
	#addDirectory(key: string, meta: Json): void {
		const slash = key.lastIndexOf("/");
		if (slash < 0) this.#header?.set("user_meta", meta);
		else this.#tree.makeDirectory(key.slice(0, slash)).meta = meta;
	}

	/** One string for all entries with the same type. */
	#shareType(type: string): string {
		const shared = this.#hashTypes.get(type);
		if (shared !== undefined) return shared;
		this.#hashTypes.set(type, type);
		return type;
	}
}
