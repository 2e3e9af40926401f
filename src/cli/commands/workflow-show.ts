import { readWorkflow } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { formatDocument } from "../document.ts";
import { remoteRegistry } from "../registries.ts";

/** `bale workflow show` */
export async function run({ words, options, output, signal }: Invocation): Promise<Report> {
	const registry = options.text("registry") ?? (await remoteRegistry());
	const { workflow, schemas, ...found } = await readWorkflow(words[0] ?? "", registry, { signal });
	const { bold } = output.paint.data;
	const line = (title: string, text: string | undefined): string[] =>
		text === undefined ? [] : [`${bold(title.padEnd(11))} ${output.display(text)}`];
	const schemaLines = schemas.flatMap(({ id, url, schema }) => [
		"",
		...line("schema", `${id} (${url})`),
		...formatDocument(schema).split("\n").map(output.display),
	]);
	return {
		document: {
			...found,
			id: workflow.id,
			name: workflow.name,
			description: workflow.description ?? null,
			messageRequired: workflow.isMessageRequired,
			handlePattern: workflow.handlePattern ?? null,
			metadataSchema: workflow.metadataSchema ?? null,
			entriesSchema: workflow.entriesSchema ?? null,
			schemas,
		},
		ids: [workflow.id],
		data: [
			...line("workflow", workflow.id),
			...line("name", workflow.name),
			...line("description", workflow.description),
			...line("message", workflow.isMessageRequired ? "required" : "not required"),
			...line("pattern", workflow.handlePattern),
			...line("metadata", workflow.metadataSchema),
			...line("entries", workflow.entriesSchema),
			...schemaLines,
		],
	};
}
