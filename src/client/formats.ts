/** Values as files and back: JSON, bytes and text, with the format metadata that quilt3 writes. */
import { BaleError } from "../core/errors.ts";
import type { Entry } from "../core/entry.ts";
import {
	formatPythonJson,
	fromJson,
	isJsonObject,
	parseJson,
	toJson,
	type Json,
	type JsonObject,
} from "../core/json.ts";
import { verifiableHash } from "./reading.ts";

/** A value serialised: its bytes, file extension and the entry metadata that names the format. */
export type Serialised = { readonly bytes: Uint8Array; readonly meta: JsonObject };

type FormatName = "json" | "bytes" | "utf-8";

const extensions: Readonly<Record<FormatName, readonly string[]>> = {
	json: ["json"],
	bytes: ["bin"],
	"utf-8": ["md", "rst", "txt"],
};
const legacyNames: Readonly<Record<string, FormatName>> = {
	json: "json",
	bytes: "bytes",
	"utf-8": "utf-8",
	unicode: "utf-8",
};

/**
 * Serialises a value for a file named `fileName`: `Uint8Array` as bytes (`.bin` or no extension), everything
 * that JSON can express as JSON (`.json` or no extension) in quilt3's spelling, so that both clients give one
 * hash. Throws `InvalidArgument` for another extension, `InvalidMetadata` for values that JSON cannot express.
 */
export function serialise(fileName: string, value: unknown): Serialised {
	const format: FormatName = value instanceof Uint8Array ? "bytes" : "json";
	checkExtension(fileName, format);
	const bytes =
		value instanceof Uint8Array ? value.slice() : new TextEncoder().encode(formatPythonJson(toJson(value)));
	return { bytes, meta: formatMeta(format) };
}

/** Serialises text as UTF-8 (`.txt`, `.md`, `.rst` or no extension). */
export function serialiseText(fileName: string, text: string): Serialised {
	checkExtension(fileName, "utf-8");
	return { bytes: new TextEncoder().encode(text), meta: formatMeta("utf-8") };
}

function formatMeta(name: FormatName): JsonObject {
	return new Map<string, Json>([
		["format", new Map<string, Json>([["name", name]])],
		["target", name],
	]);
}

function checkExtension(fileName: string, format: FormatName): void {
	const extension = extensionOf(fileName);
	if (extension === "" || extensions[format].includes(extension)) return;
	throw new BaleError(
		"InvalidArgument",
		`Cannot store this value as "${fileName}": .${extension} is not a ${format} file`,
		{
			hint: `Use .${extensions[format].join(", .")} or no extension, or write the file yourself`,
			details: { fileName, format },
		},
	);
}

function extensionOf(fileName: string): string {
	const name = fileName.slice(fileName.lastIndexOf("/") + 1);
	const dot = name.lastIndexOf(".");
	return dot <= 0 ? "" : name.slice(dot + 1);
}

/**
 * The value of an entry by the format in its metadata, else by its extension (`.gz` is unpacked). The entry
 * needs a hash (`Unverifiable`); an unknown format is `Unsupported`.
 */
export async function deserialize(
	key: string,
	entry: Entry,
	read: () => Promise<Uint8Array>,
): Promise<unknown> {
	const compressed = /\.(gz|gzip)$/i.test(key);
	const plain = compressed ? key.replace(/\.(gz|gzip)$/i, "") : key;
	const format = formatOf(plain, entry);
	if (format === undefined) {
		throw new BaleError("Unsupported", `Cannot tell the format of "${key}"`, {
			hint: "Pass a function that decodes the bytes",
			details: { key },
		});
	}
	verifiableHash(key, entry);
	const bytes = compressed ? await gunzip(await read()) : await read();
	if (format === "bytes") return bytes;
	try {
		const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
		return format === "utf-8" ? text : fromJson(parseJson(text));
	} catch (error) {
		throw new BaleError(
			"InvalidArgument",
			`"${key}" is not valid ${format === "json" ? "JSON" : "UTF-8 text"}`,
			{
				cause: error,
				details: { key, format },
			},
		);
	}
}

function formatOf(key: string, entry: Entry): FormatName | undefined {
	const format = entry.meta.get("format");
	const named = format !== undefined && isJsonObject(format) ? format.get("name") : undefined;
	for (const name of [named, entry.meta.get("target")]) {
		if (typeof name === "string" && Object.hasOwn(legacyNames, name)) return legacyNames[name];
	}
	const extension = extensionOf(key).toLowerCase();
	return (Object.keys(extensions) as FormatName[]).find((name) => extensions[name].includes(extension));
}

async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
	const body = new Blob([bytes as Uint8Array<ArrayBuffer>])
		.stream()
		.pipeThrough(new DecompressionStream("gzip"));
	return new Uint8Array(await new Response(body).arrayBuffer());
}
