import { sortNames } from "../../core/logical-key.ts";
import type { Package, PackageEntry } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { isPackage, topHashOf } from "../content.ts";
import { browse, keyOf, registryOf, targetOf } from "../target.ts";

type Item = {
	/** Full logical key; a directory's ends in "/". */
	readonly key: string;
	readonly kind: "file" | "directory";
	readonly size: number | null;
	readonly hash: { readonly type: string; readonly value: string } | null;
	readonly physicalKey: string | null;
	readonly meta: unknown;
};

/** `bale ls` */
export async function run(invocation: Invocation): Promise<Report> {
	const { options, output, words } = invocation;
	const target = targetOf(invocation);
	const pkg = await browse(invocation, target);
	const path = keyOf(target, words[1]);
	const node = path === "" ? pkg : pkg.at(path);
	const prefix = path === "" || !isPackage(node) ? "" : `${path}/`;
	const items = isPackage(node)
		? options.flag("recursive")
			? Array.from(node.walk(), ([key, entry]) => file(prefix + key, entry))
			: level(node, prefix)
		: [file(path, node)];
	return {
		document: {
			name: target.name,
			topHash: topHashOf(pkg),
			registry: await registryOf(target),
			path,
			entries: items,
		},
		ids: items.map((item) => item.key),
		data: options.flag("long") ? long(items, output.display) : items.map((item) => output.display(item.key)),
	};
}

function level(pkg: Package, prefix: string): Item[] {
	const names = sortNames(pkg.keys());
	return names.map((name) => {
		const node = pkg.at(name);
		return isPackage(node)
			? {
					key: `${prefix}${name}/`,
					kind: "directory",
					size: null,
					hash: null,
					physicalKey: null,
					meta: node.meta,
				}
			: file(prefix + name, node);
	});
}

function file(key: string, entry: PackageEntry): Item {
	return {
		key,
		kind: "file",
		size: entry.size ?? null,
		hash: entry.hash === undefined ? null : { type: entry.hash.type, value: entry.hash.value },
		physicalKey: entry.physicalKey,
		meta: entry.meta,
	};
}

function long(items: readonly Item[], display: (text: string) => string): string[] {
	const width = Math.max(1, ...items.map((item) => String(item.size ?? "-").length));
	return items.map((item) => {
		const hash = item.hash === null ? "-" : display(`${item.hash.type}:${item.hash.value}`);
		return `${String(item.size ?? "-").padStart(width)}  ${hash}  ${display(item.key)}`;
	});
}
