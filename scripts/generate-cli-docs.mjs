#!/usr/bin/env node
// Writes docs/cli.md and docs/schemas/*.json from the command table and the schemas in dist (tsc -b first).
// With --check nothing is written; exits with 1 and names what is out of date.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { dryRun, globalOptions, groups } from "../dist/cli/command.js";
import { optionTitle, usage } from "../dist/cli/help.js";
import { documentSchemas } from "../dist/cli/schemas/documents.js";
import { commands } from "../dist/cli/table.js";
import { errorTable } from "../dist/core/errors.js";

const docs = fileURLToPath(new URL("../docs/", import.meta.url));

const fileName = (id) => `${id.replace("/", "-")}.json`;
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
const code = (text) => `\`${text}\``;
const table = (head, rows) => [
	`| ${head.join(" | ")} |`,
	`| ${head.map(() => "---").join(" | ")} |`,
	...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
];

function describeCommand(spec) {
	const lines = [`### bale ${spec.name}`, "", `${spec.summary}.`, "", "```sh", usage(spec)];
	for (const example of spec.examples) lines.push("", `# ${example.what}`, example.command);
	lines.push("```");
	if (spec.aliases) lines.push("", `Also: ${spec.aliases.map((alias) => code(`bale ${alias}`)).join(", ")}.`);
	for (const paragraph of spec.details ?? []) lines.push("", cell(paragraph));
	if (spec.arguments.length > 0) {
		lines.push(
			"",
			...table(
				["Argument", "Meaning"],
				spec.arguments.map((argument) => [
					code(argument.name),
					`${argument.what}${argument.optional ? " (optional)" : ""}`,
				]),
			),
		);
	}
	const options = [...spec.options, ...(spec.writes ? [dryRun] : [])];
	if (options.length > 0) {
		lines.push(
			"",
			...table(
				["Option", "Meaning"],
				options.map((option) => [code(optionTitle(option)), option.what]),
			),
		);
	}
	lines.push("", `\`--json\` prints [${spec.schema}](schemas/${fileName(spec.schema)}).`, "");
	return lines;
}

function typeOf(schema) {
	if (schema.const !== undefined) return code(JSON.stringify(schema.const));
	if (schema.enum)
		return schema.enum.length > 8 ? "string" : schema.enum.map((value) => code(value)).join(", ");
	if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" or ");
	if (schema.type === "array") return `list of ${schema.items ? typeOf(schema.items) : "anything"}`;
	return schema.type === undefined ? "any JSON" : [schema.type].flat().join(" or ");
}

function members(schema, prefix = "") {
	const properties = schema.properties ?? schema.items?.properties;
	const inner = schema.properties ? schema : (schema.items ?? {});
	if (!properties) return (schema.anyOf ?? []).flatMap((choice) => members(choice, prefix));
	return Object.entries(properties).flatMap(([name, member]) => {
		const optional = (inner.required ?? []).includes(name) ? "" : " (may be absent)";
		const path = `${prefix}${name}`;
		const below = member.type === "array" ? `${path}[].` : `${path}.`;
		return [
			[code(path), typeOf(member), `${member.description ?? ""}${optional}`.trim()],
			...members(member, below),
		];
	});
}

function describeDocument([id, schema]) {
	const rows = members(schema).filter(
		([name], index, all) => all.findIndex(([other]) => other === name) === index,
	);
	return [
		`### ${id}`,
		"",
		`${schema.description ?? ""}.`,
		"",
		...table(["Member", "Type", "Meaning"], rows),
		"",
	];
}

function reference() {
	const exits = new Map([
		[0, ["done"]],
		[4, ["a difference (`diff`, `status` with `--exit-code`) or a problem (`doctor`)"]],
	]);
	for (const [name, { exit }] of Object.entries(errorTable))
		exits.set(exit, [...(exits.get(exit) ?? []), code(name)]);
	exits.get(13).unshift("`verify` found a difference,");
	return [
		"# The command `bale`",
		"",
		"Made by `scripts/generate-cli-docs.mjs` from the command definitions; do not edit.",
		"",
		"## Conventions",
		"",
		"- Data goes to stdout, everything else (progress, summaries, warnings, errors) to stderr.",
		"- `--json` prints exactly one document on stdout, also for a failure (`bale.error/1`). Documents have a member `schema`; new members may be added, anything else would change the number.",
		"- `--quiet` prints identifiers only: a top hash, names, keys.",
		"- `--dry-run` exists wherever something is changed, and says what would happen, with the new top hash.",
		"- A package is written `namespace/name`, `NAME@HASH` (6 to 64 digits of a top hash), `NAME:POINTER` (`latest` or a timestamp), or as an address `quilt+s3://BUCKET#package=NAME@HASH&path=KEY`.",
		"- Without a terminal there is no progress, no colour and no question; `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and `CI` are honoured, and `QUILT_MINIMIZE_STDOUT=true` turns progress off.",
		"- Ctrl-C ends the work cleanly (exit code 130, nothing half-written); a second one ends at once. The same command continues where it was.",
		"- Control characters in names and messages are printed as `\\u001b`.",
		"- `--debug` prints the stack of an error.",
		"- Commands that need no network use none. Proxies are taken from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, further certificate authorities from `NODE_EXTRA_CA_CERTS` and `AWS_CA_BUNDLE`, as Node and AWS tools take them.",
		"- A setting is taken from the option, then from the environment (`BALE_` and its name in capitals), then from quilt3's `config.yml`, then from the defaults.",
		"",
		"## Commands",
		"",
		...groups.flatMap((group) => [
			`**${group}:** ${commands
				.filter((spec) => spec.group === group)
				.map((spec) => `[${spec.name}](#bale-${spec.name.replaceAll(" ", "-")})`)
				.join(", ")}`,
			"",
		]),
		"Options of every command:",
		"",
		...table(
			["Option", "Meaning"],
			globalOptions.map((option) => [code(optionTitle(option)), option.what]),
		),
		"",
		...commands.flatMap(describeCommand),
		"## Exit codes",
		"",
		...table(
			["Code", "When"],
			[...exits]
				.sort(([a], [b]) => a - b)
				.map(([exit, when]) => [String(exit), when.join(", ").replaceAll(",,", ",")]),
		),
		"",
		"## Error codes",
		"",
		...table(
			["Code", "Exit", "Meaning", "Trying again can help"],
			Object.entries(errorTable).map(([name, kind]) => [
				code(name),
				String(kind.exit),
				kind.meaning,
				kind.retry ? "yes" : "",
			]),
		),
		"",
		"## Documents",
		"",
		"Every document may also have `warnings`. The same as JSON Schemas: `docs/schemas/`.",
		"",
		...Object.entries(documentSchemas).flatMap(describeDocument),
	].join("\n");
}

async function generate() {
	const wanted = { "cli.md": `${reference().trimEnd()}\n` };
	for (const [id, schema] of Object.entries(documentSchemas)) {
		wanted[`schemas/${fileName(id)}`] = await format(JSON.stringify(schema), {
			parser: "json",
			useTabs: true,
			printWidth: 110,
		});
	}
	return wanted;
}

function read(path) {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}

function present() {
	try {
		return readdirSync(`${docs}schemas`).map((name) => `schemas/${name}`);
	} catch {
		return [];
	}
}

const wanted = await generate();
const stale = Object.keys(wanted).filter((name) => read(docs + name) !== wanted[name]);
const surplus = present().filter((name) => !(name in wanted));
if (process.argv.includes("--check")) {
	for (const name of [...stale, ...surplus])
		process.stderr.write(
			`docs/${name} is out of date: npm run build && node scripts/generate-cli-docs.mjs\n`,
		);
	process.exitCode = stale.length + surplus.length === 0 ? 0 : 1;
} else {
	mkdirSync(`${docs}schemas`, { recursive: true });
	for (const name of stale) writeFileSync(docs + name, wanted[name]);
	for (const name of surplus) rmSync(docs + name);
}
