import { revisions } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { nameOf, registryOf } from "../target.ts";

/** `bale log` */
export async function run(invocation: Invocation): Promise<Report> {
	const { options, output, signal } = invocation;
	const target = nameOf(invocation);
	const registry = await registryOf(target);
	const limit = options.integer("limit") ?? Number.POSITIVE_INFINITY;
	const found: {
		pointer: string;
		topHash: string;
		publishedAt: string | null;
		author: string | null;
		message: string | null;
		latest: boolean;
	}[] = [];
	for await (const revision of revisions(target.name, target.registry, { signal })) {
		if (found.length === limit) break;
		found.push({
			pointer: revision.pointer,
			topHash: revision.topHash,
			publishedAt: isoTime(revision.publishedAt),
			author: revision.author ?? null,
			message: revision.message ?? null,
			latest: revision.latest,
		});
	}
	const paint = output.paint.data;
	return {
		document: { name: target.name, registry, revisions: found },
		ids: found.map((revision) => revision.topHash),
		data: found.map((revision) =>
			[
				paint.yellow(revision.topHash),
				(revision.publishedAt ?? "").padEnd(20),
				revision.latest ? "latest" : "      ",
				output.display(revision.author ?? ""),
				output.display(revision.message ?? ""),
			]
				.join("  ")
				.trimEnd(),
		),
	};
}

/** Pointers can hold numbers that are no time. */
function isoTime(time: Date): string | null {
	return Number.isNaN(time.getTime()) ? null : time.toISOString().replace(".000Z", "Z");
}
