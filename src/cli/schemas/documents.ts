/**
 * The documents that `--json` prints, as JSON Schemas: the contract of the command line with programs. Read
 * by the documentation and the tests only. A change that could break a reader makes a new number at the end
 * of the name; new members do not.
 */
import { errorTable } from "../../core/errors.ts";
import { addressings, encryptions } from "../../core/registry-setting-names.ts";
import {
	type Schema,
	anything,
	count,
	countOrNull,
	flag,
	list,
	object,
	oneOf,
	orNull,
	text,
	textOrNull,
	topHash,
	topHashOrNull,
} from "./json-schema.ts";

const name = text("Package name, namespace/name");
const registry = text("The registry, as URL or as it was given");
const revision = topHash("Top hash of the revision");
const readRevision = topHashOrNull("Top hash of the revision; null where an entry has no hash");
const dryRun = flag("True: nothing was changed");
const files = count("Files of the package");
const bytes = count("Bytes of these files");
const keys = (what: string): Schema => list(text(), `Logical keys of files that ${what}`);
const amount = (what: string): Schema => object({ files: count("Files"), bytes: count("Bytes") }, what);
const hash = object(
	{ type: text("SHA256, sha2-256-chunked, CRC64NVME or another"), value: text() },
	"Hash of the content",
);

const changes = orNull(
	object(
		{
			from: topHashOrNull("Top hash of the revision that was the latest"),
			added: keys("are new"),
			modified: keys("have another content or other metadata"),
			deleted: keys("are gone"),
		},
		"What the revision changes; null when there was none to compare with",
	),
);

const settings: Schema = {
	type: "object",
	description: "All settings that count now, in the spelling of the file",
	additionalProperties: true,
};
const origin = oneOf(["flag", "environment", "file", "default"], "Where the value comes from");
const source = textOrNull("The variable or the path of the file");

const configChange = object({
	path: text("Path of the configuration file"),
	dryRun,
	changed: list(text(), "Keys that have changed"),
	settings,
});

const side: Schema = {
	anyOf: [object({ name, topHash: readRevision, registry }), object({ dir: text("The folder") })],
};

const workflow = orNull(
	object(
		{
			id: textOrNull("Id of the workflow; null: none, which the registry allows"),
			config: text("URL of the configuration"),
		},
		"The workflow that it was checked by, as the header records it; null: the registry has no configuration",
		{
			schemas: { type: "object", description: "URL of each schema by its id", additionalProperties: text() },
		},
	),
);

const violations = list(
	object(
		{
			pointer: text('JSON pointer into what it is about; "" for all of it'),
			message: text("What it must be and is not"),
		},
		"A rule that is broken",
		{
			about: oneOf(["message", "name", "metadata", "entries"], "What it is about"),
			key: text("Logical key of the file that it is about"),
		},
	),
	"In the order of the checks",
);

const published = {
	name,
	topHash: revision,
	registry,
	changed: flag("False: the registry had this revision as its latest already"),
	dryRun,
	workflow,
	files,
	bytes,
	changes,
};
const pointer = { pointer: text("Name of the pointer that was written; absent when none was") };

/** Members of each document besides `schema` and `warnings`. */
const documents: Readonly<Record<string, Schema>> = {
	"bale.build/1": object(published, "A revision made from a folder", pointer),
	"bale.push/1": object(
		{
			...published,
			copied: amount("What was (or would be) copied into the registry"),
			reused: amount("What was there already"),
			displaced: list(
				object({ key: text("Logical key"), physicalKey: text("Where it was put, as URL") }),
				"Files put elsewhere since an older revision needs what is at the usual place",
			),
			rebased: orNull(
				object(
					{
						base: topHash("Top hash of the revision that the package came from"),
						onto: topHash("Top hash of the revision that others have published"),
					},
					"What the changes were joined with; null when nobody had published in the meantime",
				),
			),
		},
		"A published revision",
		pointer,
	),
	"bale.install/1": object(
		{
			name,
			topHash: revision,
			registry,
			dest: text("Folder of the files"),
			dryRun,
			files,
			bytes,
			written: keys("were (or would be) written"),
			kept: count("Files that were there already"),
			stale: keys("are left from the revision before"),
			pruned: keys("were removed"),
		},
		"An installed revision",
	),
	"bale.fetch/1": object(
		{
			name,
			topHash: readRevision,
			registry,
			key: text('The file or directory that was asked for; "" for all'),
			dest: text("Folder of the files"),
			dryRun,
			files,
			bytes,
		},
		"Files copied from a revision",
	),
	"bale.cat/1": object(
		{
			name,
			topHash: readRevision,
			registry,
			key: text("Logical key"),
			size: countOrNull("Bytes of the whole file"),
			offset: count("First byte of the content, counted from 0"),
			encoding: oneOf(["utf-8", "base64"], "How content is written; base64 where it is no text"),
			content: text("The bytes"),
		},
		"One file of a revision",
	),
	"bale.list/1": object(
		{ registry, packages: list(text(), "Package names, sorted") },
		"The packages of a registry",
	),
	"bale.log/1": object(
		{
			name,
			registry,
			revisions: list(
				object({
					pointer: text("Name of the pointer: seconds since the epoch"),
					topHash: revision,
					publishedAt: textOrNull("ISO 8601 time"),
					author: textOrNull("Who published it, where that is known"),
					message: textOrNull("Message of the revision"),
					latest: flag("Whether latest names this revision"),
				}),
				"Newest first",
			),
		},
		"The revisions of a package",
	),
	"bale.show/1": object(
		{
			name,
			topHash: readRevision,
			registry,
			message: textOrNull("Message of the revision"),
			workflow: anything("The workflow that it was published under, or null"),
			meta: anything("Metadata of the package, numbers exactly as they are stored"),
			files,
			bytes,
		},
		"A revision",
	),
	"bale.ls/1": object(
		{
			name,
			topHash: readRevision,
			registry,
			path: text('The directory or file that was asked for; "" for all'),
			entries: list(
				object({
					key: text("Logical key; that of a directory ends in /"),
					kind: oneOf(["file", "directory"], "What it is"),
					size: countOrNull("Bytes; null for a directory"),
					hash: orNull(hash),
					physicalKey: textOrNull("Where the bytes are, as URL"),
					meta: anything("User metadata"),
				}),
				"In the order of the keys",
			),
		},
		"Files of a revision",
	),
	"bale.diff/1": object(
		{
			from: side,
			to: side,
			different: flag("Whether anything differs"),
			added: keys("are only in `to`"),
			modified: keys("differ"),
			deleted: keys("are only in `from`"),
		},
		"A comparison",
	),
	"bale.status/1": object(
		{
			name,
			topHash: revision,
			registry,
			dest: text("The folder"),
			different: flag("Whether anything differs"),
			modified: keys("have another content"),
			missing: keys("are gone"),
			extra: keys("were not installed"),
		},
		"A folder against what was installed there",
	),
	"bale.verify/1": object(
		{
			name,
			topHash: readRevision,
			registry,
			dir: text("The folder, as it was given"),
			ok: flag("Whether the folder matches"),
			missing: keys("are missing"),
			extra: keys("are not in the package"),
			changed: list(
				object({
					key: text("Logical key"),
					reason: oneOf(["size", "hash"], "What differs"),
					expected: anything("Size or hash by the manifest"),
					found: anything("Size or hash of the file"),
				}),
				"Files with another content",
			),
		},
		"The check of a folder",
	),
	"bale.workflow-list/1": object(
		{
			registry,
			config: textOrNull("URL of the configuration; null: there is none"),
			required: flag("Whether nothing may be published without a workflow"),
			default: textOrNull("Id of the workflow that counts when none is named"),
			workflows: list(
				object({ id: text("Id"), name: text("Name"), description: textOrNull("Description") }),
				"In the order of the configuration",
			),
		},
		"The workflows of a registry",
	),
	"bale.workflow-show/1": object(
		{
			registry,
			config: text("URL of the configuration"),
			id: text("Id of the workflow"),
			name: text("Its name"),
			description: textOrNull("Its description"),
			messageRequired: flag("Whether a message is required"),
			handlePattern: textOrNull("Regular expression of Python that the package name must have a match of"),
			metadataSchema: textOrNull("Id of the schema of the package's metadata"),
			entriesSchema: textOrNull("Id of the schema of the list of files"),
			schemas: list(
				object({
					id: text("Id"),
					url: text("URL, with the version that was read"),
					schema: anything("The JSON Schema"),
				}),
				"The schemas that it names",
			),
		},
		"A workflow",
	),
	"bale.workflow-check/1": object(
		{
			name,
			registry,
			workflow,
			ok: flag("Whether the package may be published"),
			violations,
			count: count("Rules that are broken in all, should there be more than are listed"),
		},
		"The check of a package by a workflow",
	),
	"bale.rollback/1": object(
		{
			name,
			topHash: revision,
			registry,
			previous: topHashOrNull("The latest revision before"),
			changed: flag("False: it was the latest already"),
			dryRun,
		},
		"A rollback",
	),
	"bale.delete/1": object(
		{
			name,
			registry,
			topHash: textOrNull("The revision as it was given; null for the whole package"),
			pointers: list(text(), "Pointers that were (or would be) removed"),
			latest: textOrNull("Top hash of the latest revision afterwards; null when nothing is left"),
			dryRun,
		},
		"A deletion",
	),
	"bale.config/1": { ...configChange, description: "The configuration, after a change if there was one" },
	"bale.config-get/1": object(
		{ key: text("Name of the setting"), value: anything("Its value"), origin, source },
		"One setting",
	),
	"bale.config-list/1": object(
		{
			path: text("Path of the configuration file"),
			settings: list(object({ key: text(), value: anything("Its value"), origin, source }), "All settings"),
		},
		"All settings with their origin",
	),
	"bale.config-registry/1": object(
		{
			path: text("Path of the file with these settings"),
			dryRun,
			changed: list(text(), "Registries whose settings have changed"),
			registries: list(
				object({
					registry: text("s3://bucket"),
					endpoint: textOrNull("Address of the S3 server"),
					region: textOrNull("Region of the bucket"),
					profile: textOrNull("AWS profile whose keys, region and endpoint count"),
					addressing: orNull(oneOf(addressings, "Where the bucket is in the address")),
					requesterPays: orNull(flag("Whether the user pays for the traffic")),
					encryption: orNull(oneOf(encryptions, "How the server encrypts what is written")),
					kmsKeyId: textOrNull("The key of that encryption"),
					anonymous: orNull(flag("Whether no keys are used")),
				}),
				"Settings; null: not set",
			),
		},
		"Settings of single buckets, after a change if there was one",
	),
	"bale.login/1": object(
		{
			catalog: textOrNull("Home of the catalog"),
			service: text("The identity service"),
			method: oneOf(["code", "api-key"], "How"),
			stored: flag("Whether the login was stored on this machine"),
			dryRun,
		},
		"A login",
	),
	"bale.logout/1": object(
		{
			wasLoggedIn: flag("Whether anybody was logged in"),
			revoked: list(text(), "Services that confirmed the end of the login"),
			unconfirmed: list(text(), "Services that could not be told"),
			dryRun,
		},
		"A logout",
	),
	"bale.whoami/1": object(
		{
			catalog: text("Home of the catalog"),
			service: textOrNull("The identity service"),
			method: oneOf(["login", "api-key"], "How"),
		},
		"The login that counts",
	),
	"bale.serve/1": object(
		{
			endpoint: text("Address of the server, which is ready"),
			buckets: list(
				object({ name: text("Name of the bucket"), folder: text("Path of the folder") }),
				"What is served",
			),
			readOnly: flag("Whether changes are refused"),
			accessKeyId: text("Key id of all requests"),
			secretAccessKey: textOrNull("The key, when it was generated; null when the environment gave it"),
		},
		"A server that has started; it goes on until it is told to end",
	),
	"bale.completion/1": object(
		{ shell: text("Name of the shell"), script: text("The script") },
		"A completion script",
	),
	"bale.doctor/1": object(
		{
			healthy: flag("Whether there is no problem"),
			problemCount: count("Number of problems"),
			warningCount: count("Number of warnings"),
			findings: list(
				object(
					{
						check: text("Name of the check"),
						severity: oneOf(["ok", "note", "warning", "problem"], "How bad it is"),
						what: text("What was found"),
					},
					undefined,
					{
						remedy: text("How to mend it"),
						path: text("File, folder or object that it is about"),
						upload: object(
							{
								id: text("The service's name of it"),
								startedAt: text("ISO 8601"),
								bytes: count("Bytes that are kept"),
								aborted: flag("Whether it was removed now"),
							},
							"The unfinished upload that it is about",
						),
					},
				),
				"Everything that was looked at",
			),
		},
		"The state of the set-up",
	),
	"bale.help/1": object(
		{
			commands: list(
				object({
					name: text(),
					aliases: list(text(), "Other names"),
					summary: text(),
					arguments: list(object({ name: text(), what: text(), optional: { type: "boolean" } }), "Arguments"),
					options: list(
						object({
							name: text(),
							short: textOrNull("One letter"),
							value: textOrNull("Placeholder of its value; null for a switch"),
							what: text(),
							choices: orNull(list(text(), "Possible values")),
						}),
						"Options",
					),
					schema: text("Its document"),
				}),
				"Commands",
			),
		},
		"What commands there are",
	),
	"bale.error/1": object(
		{
			error: object({
				code: oneOf(Object.keys(errorTable), "Stable code"),
				message: text("One sentence"),
				hint: text("What to do about it"),
				details: { type: "object", description: "Fields for programs", additionalProperties: true },
			}),
		},
		"A failure; printed by every command instead of its own document",
	),
};

const warnings = list(
	object({ code: text("Stable code"), message: text("One sentence") }, undefined, {
		details: { type: "object", description: "Fields for programs", additionalProperties: true },
	}),
	"Warnings, when there were any",
);

/** All documents by name, each a complete JSON Schema. */
export const documentSchemas: Readonly<Record<string, Schema>> = Object.fromEntries(
	Object.entries(documents).map(([id, schema]) => [
		id,
		{
			$schema: "https://json-schema.org/draft/2020-12/schema",
			$id: `urn:bale:schema:${id.replace("/", ":")}`,
			title: id,
			...schema,
			properties: {
				schema: { const: id },
				...schema.properties,
				...(id === "bale.error/1" ? {} : { warnings }),
			},
			required: ["schema", ...(schema.required ?? [])],
		},
	]),
);
