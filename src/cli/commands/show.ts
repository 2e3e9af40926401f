import { type Json, emptyObject, isJsonObject, toJson } from "../../core/json.ts";
import type { Package } from "../client.ts";
import { formatDocument } from "../document.ts";
import type { Invocation, Report } from "../command.ts";
import { topHashOf, totals } from "../content.ts";
import { formatBytes, plural } from "../format.ts";
import { browse, registryOf, targetOf } from "../target.ts";

/** `bale show` */
export async function run(invocation: Invocation): Promise<Report> {
	const { options, output } = invocation;
	const target = targetOf(invocation);
	const pkg = await browse(invocation, target);
	const registry = await registryOf(target);
	const { files, bytes } = totals(pkg);
	const topHash = topHashOf(pkg);
	const meta = metadataOf(pkg);
	const { bold } = output.paint.data;
	const maxLines = options.integer("lines") ?? 40;
	const line = (title: string, text: string): string => `${bold(title.padEnd(9))} ${text}`;
	return {
		document: {
			name: target.name,
			topHash,
			registry,
			message: pkg.message ?? null,
			workflow: pkg.workflow ?? null,
			meta,
			files,
			bytes,
		},
		ids: topHash === null ? [] : [topHash],
		data: [
			line("package", output.display(target.name)),
			line("top hash", topHash ?? "(an entry has no hash)"),
			line("registry", output.display(registry)),
			...(typeof pkg.message === "string" ? [line("message", output.display(pkg.message))] : []),
			...(pkg.workflow === undefined ? [] : [line("workflow", oneLine(pkg.workflow, output.display))]),
			line("metadata", oneLine(meta, output.display)),
			line("content", `${plural(files, "file")}, ${formatBytes(bytes)}`),
			"",
			...pkg.tree({ maxLines }).trimEnd().split("\n").map(output.display),
		],
	};
}

/** The metadata as they are stored: `pkg.meta` would make 1 of 1.0 where they are nothing but a number. */
function metadataOf(pkg: Package): Json {
	for (const header of pkg.manifest()) {
		const record = toJson(header);
		const meta = isJsonObject(record) ? record.get("user_meta") : null;
		return meta === undefined ? emptyObject : meta;
	}
	return null;
}

function oneLine(value: unknown, display: (text: string) => string): string {
	return display(formatDocument(value).replace(/\n\s*/g, " "));
}
