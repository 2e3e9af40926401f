import { BaleError } from "../../core/errors.ts";
import { preparePackageDeletion } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { plural } from "../format.ts";
import { usageError } from "../options.ts";
import { type Target, given, registryOf, targetOf } from "../target.ts";

type Deletion = {
	readonly name: string;
	readonly registry: string;
	readonly pointers: readonly string[];
	readonly latest: string | null;
};

/** `bale delete` */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options, output, signal } = invocation;
	const target = targetOf(invocation);
	if (target.pointer !== undefined) {
		throw usageError(
			spec,
			`"bale delete" takes a revision by its hash, not by the pointer "${target.pointer}"`,
			`Look it up: bale log ${target.name}`,
		);
	}
	const registry = await registryOf(target);
	const dryRun = options.flag("dry-run");
	const prepare = () =>
		preparePackageDeletion(target.name, registry, { ...given("topHash", target.topHash), signal });
	let deletion = await prepare();
	const { plan } = deletion;
	if (!dryRun) {
		for (const line of consequences(plan, target, registry)) output.note(output.display(line));
		if (!options.flag("yes")) {
			await confirm(invocation, target);
			// Others can have published while the question waited.
			deletion = await prepare();
		}
		await deletion.carryOut();
	}
	const result = deletion.plan;
	const what = target.topHash === undefined ? target.name : `${target.name}@${target.topHash}`;
	return {
		document: {
			name: result.name,
			registry: result.registry,
			topHash: result.topHash,
			pointers: result.pointers,
			latest: result.latest,
			dryRun,
		},
		ids: result.pointers,
		data: result.pointers.map((pointer) => output.display(`${result.name}:${pointer}`)),
		notes: dryRun
			? consequences(plan, target, registry).map(output.display)
			: [`Deleted ${output.display(what)} from ${output.display(registry)}`],
	};
}

/** What will break, and for whom. */
function consequences(plan: Deletion, target: Target, registry: string): string[] {
	const pointers = plural(plan.pointers.length, "pointer");
	if (plan.latest === null) {
		return [
			`This removes ${target.name} (${pointers}) from ${registry}`,
			"  Whoever installs it by name, or by a pointer such as latest, will find nothing",
			"  Data and manifests stay: a revision can still be installed by its full top hash",
			`  Note the hashes first: bale log ${target.name} --registry ${registry} --quiet`,
		];
	}
	const movesLatest = plan.pointers.includes("latest");
	return [
		`This removes one revision of ${target.name} (${pointers}) from ${registry}`,
		movesLatest
			? `  Whoever installs the latest revision will get ${plan.latest.slice(0, 10)} from now on`
			: `  The latest revision stays ${plan.latest.slice(0, 10)}`,
		"  Data and manifest stay: the revision can still be installed by its full top hash",
	];
}

async function confirm({ output, spec, signal }: Invocation, target: Target): Promise<void> {
	if (!output.canAsk()) {
		throw usageError(
			spec,
			`Cannot ask whether "${target.name}" may be deleted: there is no terminal`,
			"Add --yes when you are sure",
		);
	}
	const { askText } = await import("../prompt.ts");
	const answer = await askText(`Type ${target.name} to delete it`, signal);
	if (answer.trim() === target.name) return;
	throw new BaleError("Aborted", `Nothing was deleted: the answer was not "${target.name}"`);
}
