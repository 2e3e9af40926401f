import { BaleError } from "../../core/errors.ts";
import type { PackageEntry } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { isPackage, topHashOf } from "../content.ts";
import { usageError } from "../options.ts";
import { browse, keyOf, registryOf, targetOf } from "../target.ts";

type Range = { readonly offset: number; readonly length: number };

/** The document of `--json` holds the content, so there is a limit in bytes. */
const documentLimit = 64 * 2 ** 20;

/** `bale cat` */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options, output, signal, words } = invocation;
	const rangeText = options.text("range");
	if (rangeText !== undefined && !/^([0-9]+-[0-9]*|-[0-9]+)$/.test(rangeText)) {
		throw usageError(spec, `--range "${rangeText}" is not of the form START-END, START- or -LENGTH`);
	}
	const target = targetOf(invocation);
	const key = keyOf(target, words[1]);
	if (key === "") throw usageError(spec, '"bale cat" needs KEY: the file to print');
	const pkg = await browse(invocation, target);
	const entry = pkg.at(key);
	if (isPackage(entry)) {
		throw new BaleError("InvalidKey", `Cannot print "${key}" of ${target.name}: it is a directory`, {
			hint: `List it: bale ls ${target.name} ${key}`,
			details: { key },
		});
	}
	const range = rangeText === undefined ? undefined : readRange(rangeText, key, entry.size ?? 0);
	const report = { ids: [], bytes: content(entry, range, signal) };
	if (!output.json) return { document: {}, ...report };
	const size = range?.length ?? entry.size ?? 0;
	if (size > documentLimit) {
		throw new BaleError("LimitExceeded", `Cannot put ${size} bytes of "${key}" into a document`, {
			hint: "Leave --json out, or ask for a part with --range",
			details: { key, size, limit: documentLimit },
		});
	}
	return {
		...report,
		document: {
			name: target.name,
			topHash: topHashOf(pkg),
			registry: await registryOf(target),
			key,
			size: entry.size ?? null,
			offset: range?.offset ?? 0,
			...encode(await collect(content(entry, range, signal))),
		},
	};
}

async function* content(
	entry: PackageEntry,
	range: Range | undefined,
	signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
	const stream = await entry.stream({ signal, ...(range === undefined ? {} : { range }) });
	const reader = stream.getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			yield value;
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}

/** Reads `10-19`, `10-` or `-10`; what lies behind the end of the file is cut off. */
function readRange(text: string, key: string, size: number): Range {
	const [first = "", last = ""] = text.split("-");
	if (first === "") {
		const length = Math.min(Number(last), size);
		return { offset: size - length, length };
	}
	const offset = Number(first);
	const end = last === "" ? size : Math.min(Number(last) + 1, size);
	if (offset > size || (last !== "" && Number(last) < offset)) {
		throw new BaleError(
			"InvalidArgument",
			`Cannot print the bytes ${text} of "${key}": it has ${size} bytes`,
			{
				hint:
					offset > size
						? "The first byte is number 0; --range -100 prints the last hundred"
						: "Put the first byte before the last: START-END",
				details: { key, range: text, size },
			},
		);
	}
	return { offset, length: end - offset };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const parts: Uint8Array[] = [];
	for await (const chunk of chunks) parts.push(chunk);
	return Buffer.concat(parts);
}

function encode(bytes: Buffer): { readonly encoding: "utf-8" | "base64"; readonly content: string } {
	try {
		const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
		return { encoding: "utf-8", content: text };
	} catch {
		return { encoding: "base64", content: bytes.toString("base64") };
	}
}
