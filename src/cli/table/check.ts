import type { CommandSpec } from "../command.ts";
import { allowUnverified, concurrency, noCache, packageArgument, registry, topHash } from "./shared.ts";

export const checkCommands: readonly CommandSpec[] = [
	{
		name: "status",
		group: "Check",
		summary: "Compare a folder with what was installed there",
		details: ["Exits 0 whether or not there is a difference; with --exit-code a difference is exit code 4."],
		arguments: [
			{ name: "FOLDER", what: "The folder; default: the current one", optional: true, completes: "folder" },
		],
		options: [{ name: "exit-code", what: "Exit with 4 when there is a difference" }, concurrency, noCache],
		examples: [{ command: "bale status ./cats", what: "Which files were changed, removed or added" }],
		schema: "bale.status/1",
		load: () => import("../commands/status.ts"),
	},
	{
		name: "verify",
		group: "Check",
		summary: "Check that a folder is exactly a revision",
		details: [
			"Compares sizes, then hashes, and names every file that is missing, extra or changed. Exits with 13 when the folder does not match.",
		],
		arguments: [packageArgument],
		options: [
			{
				name: "dir",
				value: "FOLDER",
				what: "The folder to check, also as s3://bucket/prefix/; default: the current one",
				completes: "folder",
			},
			registry,
			topHash,
			{ name: "extra-files-ok", what: "Accept files that are not in the package" },
			allowUnverified,
			concurrency,
		],
		examples: [
			{ command: "bale verify ann/cats@3f9c21ab --registry /data/lab --dir ./cats", what: "Check a copy" },
		],
		schema: "bale.verify/1",
		load: () => import("../commands/verify.ts"),
	},
	{
		name: "doctor",
		group: "Check",
		summary: "Find what is wrong with the set-up, and say how to mend it",
		details: [
			"Looks at the system, the configuration, the login, the folders of bale and the registries, and changes nothing unless asked to. Exits with 4 when it finds a problem.",
		],
		arguments: [
			{ name: "REGISTRY", what: "Look at this registry too", optional: true, completes: "registry" },
		],
		options: [
			{ name: "offline", what: "Contact no server" },
			{
				name: "deep",
				what: "Read every manifest and compare it with its top hash, however many there are; in a bucket, every pointer too. Also look through all files for what killed copies have left",
			},
			{
				name: "heal",
				what: "Look for published revisions whose pointer another client has written over, in buckets too, and list them again; latest stays",
			},
			{
				name: "abort-uploads",
				what: "Remove what broken uploads, also of other clients, have left in the buckets that are looked at, and the lines of text that killed copies have left at their places",
			},
			{
				name: "min-age",
				value: "HOURS",
				least: 0,
				what: "With --abort-uploads: only what was begun at least so long ago; default: 24. Younger ones may be under way, and would fail",
				completes: "nothing",
			},
		],
		examples: [
			{ command: "bale doctor /data/lab", what: "Also look at a registry" },
			{ command: "bale doctor s3://lab --heal", what: "List again what a racing client has written over" },
			{ command: "bale doctor s3://lab --abort-uploads", what: "Remove what broken uploads have left" },
		],
		schema: "bale.doctor/1",
		load: () => import("../commands/doctor.ts"),
	},
];
