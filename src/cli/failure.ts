/** Prints a failure: one sentence and one hint for people, or the document `bale.error/1` for programs. */
import { display } from "../core/display.ts";
import { BaleError, type ErrorCode, errorTable } from "../core/errors.ts";
import type { WorkflowViolation } from "../core/workflow/violation.ts";
import { paintFor } from "./color.ts";
import type { Sink } from "./output.ts";

export type FailureOptions = { readonly json: boolean; readonly debug: boolean; readonly noColor: boolean };

/** Prints `error` and returns the exit code that belongs to it. */
export async function reportFailure(
	error: unknown,
	{ stdout, stderr }: { readonly stdout: Sink; readonly stderr: Sink },
	options: FailureOptions,
): Promise<number> {
	const known = error instanceof BaleError ? error : unexpected(error);
	const hint = known.hint ?? usualHints[known.code];
	if (options.json) {
		const document = { schema: "bale.error/1", error: { ...known.toJSON(), hint } };
		stdout.write(`${JSON.stringify(document, plainValue, 2)}\n`);
	} else {
		const paint = paintFor(stderr.isTTY === true, process.env, options.noColor);
		stderr.write(`${paint.red("error:")} ${display(known.message)}\n`);
		for (const line of await detailLines(known)) stderr.write(`  ${display(line)}\n`);
		stderr.write(`${paint.bold("hint:")} ${display(hint)}\n`);
	}
	if (options.debug) stderr.write(`${stackOf(error).split("\n").map(display).join("\n")}\n`);
	return errorTable[known.code].exit;
}

/** What one can do about a failure that says nothing itself. */
const usualHints: Readonly<Record<ErrorCode, string>> = {
	Unexpected: "Run the same command with --debug and report what it prints",
	InvalidName: 'Use "namespace/name" with letters, digits, "_" and "-" only',
	InvalidKey: 'Use a path such as "data/a.csv"',
	InvalidHash: "Use 6 to 64 digits 0-9 and a-f",
	InvalidUrl: "Give a directory, a file:// URL or s3://bucket",
	UnsupportedScheme: "Give a path or a file:// URL",
	InvalidConfig: "See all settings: bale config list --origin",
	InvalidArgument: 'See "bale help"',
	InvalidMetadata: "Use values that JSON has",
	ReservedKey: "Use another directory",
	UnportableKey: "Rename the file, and publish it again",
	KeyCollision: "Rename one of the two",
	LimitExceeded: "Split it, or make it smaller",
	NotAFile: "Check the path",
	Unsupported: "See what this version can do: bale help",
	PackageNotFound: 'Run "bale list" with that registry to see its packages',
	RevisionNotFound: 'Run "bale log" with that package and registry to see its revisions',
	EntryNotFound: 'Run "bale ls --recursive" with that package to see its files',
	ObjectNotFound: "Bring the file back, or use another revision",
	AmbiguousHash: "Give more digits of the hash",
	Conflict: "Install the latest revision into another folder and do the change there, or use --force",
	NotLoggedIn: "Log in: bale login",
	LoginExpired: "Log in again: bale login",
	AccessDenied: "Check who owns the file and its directory, and their permissions",
	LocalReference: "Use --allow-local-files if you trust the registry with your files",
	IntegrityMismatch: "The stored file was changed or damaged: restore it, or publish the right one again",
	TopHashMismatch: "The manifest was changed or damaged: restore it, or use --allow-unverified",
	InvalidManifest: "Restore the manifest from a backup, or use another revision",
	DuplicateKey: "Restore the manifest from a backup, or use another revision",
	Unverifiable: "Publish the package again, so that every file gets a hash",
	CorruptPointer: "See what is wrong: bale doctor",
	DanglingPointer: "See what is wrong: bale doctor",
	SourceChanged: "Try again when nothing writes to the file",
	UnsafeDestination: "Choose another destination",
	DestinationConflict: "Save your changes, install elsewhere with --dest, or use --overwrite",
	VerifyFailed: "Install the revision again, or publish the folder as a new one",
	WorkflowRejected: "Do what the workflow demands, or use another registry",
	InvalidWorkflow: "Mend the workflow configuration of the registry",
	StoreUnavailable: "Check that the place can be reached, then run the same command again",
	IdentityUnavailable: "Check the network and the URL of the catalog, then try again",
	Locked: "Wait for the other process, then run the same command again",
	NoSpace: "Free some space, then run the same command again",
	Aborted: "Run the same command again to go on",
};

/** At most this many lines of details are printed; all of them are in the document. */
const detailLimit = 20;

/** Lists in the details, such as files that would be lost or rules that are broken, one line each. */
async function detailLines(error: BaleError): Promise<string[]> {
	const lists = Object.entries(error.details).filter(([, value]) => Array.isArray(value) && value.length > 1);
	const lines: string[] = [];
	for (const [name, list] of lists as [string, readonly unknown[]][]) {
		if (name === "violations") {
			const { violationText } = await import("../core/workflow/violation.ts");
			lines.push(...(list as readonly WorkflowViolation[]).map(violationText));
		} else {
			lines.push(...list.filter((item) => typeof item === "string"));
		}
	}
	return lines.length <= detailLimit
		? lines
		: [...lines.slice(0, detailLimit), `and ${lines.length - detailLimit} more`];
}

function unexpected(error: unknown): BaleError {
	const message = error instanceof Error ? error.message : String(error);
	return new BaleError("Unexpected", `bale failed in a way that it did not foresee: ${firstLine(message)}`, {
		hint: "Run the same command with --debug and report what it prints",
		cause: error,
	});
}

function firstLine(text: string): string {
	return text.split("\n", 1)[0] ?? "";
}

function plainValue(_key: string, value: unknown): unknown {
	return typeof value === "bigint" ? String(value) : value;
}

function stackOf(error: unknown): string {
	const lines: string[] = [];
	for (
		let current = error;
		current !== undefined;
		current = current instanceof Error ? current.cause : undefined
	) {
		const text = current instanceof Error ? (current.stack ?? current.message) : "something that is no error";
		lines.push(`${lines.length === 0 ? "" : "caused by: "}${text}`);
	}
	return lines.join("\n");
}
