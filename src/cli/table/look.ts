import type { CommandSpec } from "../command.ts";
import {
	allowUnverified,
	folderOptions,
	nameArgument,
	packageArgument,
	registry,
	registryArgument,
	topHash,
} from "./shared.ts";

export const lookCommands: readonly CommandSpec[] = [
	{
		name: "list",
		aliases: ["list-packages"],
		group: "Look",
		summary: "List the packages of a registry",
		arguments: [registryArgument(registry)],
		options: [registry],
		examples: [{ command: "bale list /data/lab", what: "Names, one on each line" }],
		schema: "bale.list/1",
		load: () => import("../commands/list.ts"),
	},
	{
		name: "log",
		group: "Look",
		summary: "List the revisions of a package, newest first",
		arguments: [nameArgument],
		options: [
			registry,
			{ name: "limit", value: "N", least: 1, what: "Only the newest N revisions", completes: "nothing" },
		],
		examples: [{ command: "bale log ann/cats --registry /data/lab", what: "When, which hash, what about" }],
		schema: "bale.log/1",
		load: () => import("../commands/log.ts"),
	},
	{
		name: "show",
		aliases: ["inspect"],
		group: "Look",
		summary: "Show a revision: message, metadata, size and tree",
		arguments: [packageArgument],
		options: [
			registry,
			topHash,
			{
				name: "lines",
				value: "N",
				least: 1,
				what: "Lines of the tree at most; default: 40",
				completes: "nothing",
			},
			allowUnverified,
		],
		examples: [{ command: "bale show ann/cats@3f9c21ab", what: "What is in that revision" }],
		schema: "bale.show/1",
		load: () => import("../commands/show.ts"),
	},
	{
		name: "ls",
		group: "Look",
		summary: "List the files of a revision",
		arguments: [
			packageArgument,
			{ name: "KEY", what: "Only this directory or file", optional: true, completes: "nothing" },
		],
		options: [
			registry,
			topHash,
			{ name: "recursive", short: "r", what: "Go into directories" },
			{ name: "long", short: "l", what: "Also print size and hash" },
			allowUnverified,
		],
		examples: [{ command: "bale ls ann/cats photos -l", what: "One directory, with sizes and hashes" }],
		schema: "bale.ls/1",
		load: () => import("../commands/ls.ts"),
	},
	{
		name: "diff",
		group: "Look",
		summary: "Compare two revisions, or a revision and a folder",
		details: [
			"TO is another package or revision; @HASH and :POINTER mean the package of FROM. A word that begins with . / or ~, or has no slash, is a folder, and so is the value of --dir; of its files those count that a push with the same options would take. Without TO the revision is compared with the latest one.",
			"Exits 0 whether or not there is a difference; with --exit-code a difference is exit code 4.",
		],
		arguments: [
			{ ...packageArgument, name: "FROM" },
			{ name: "TO", what: "What to compare it with", optional: true, completes: "revision" },
		],
		options: [
			registry,
			{ name: "dir", value: "FOLDER", what: "Compare with this folder", completes: "folder" },
			...folderOptions,
			{ name: "exit-code", what: "Exit with 4 when there is a difference" },
			allowUnverified,
		],
		examples: [
			{ command: "bale diff ann/cats@3f9c21ab :latest", what: "What has changed since" },
			{ command: "bale diff ann/cats --dir ./cats", what: "What a push of the folder would change" },
		],
		schema: "bale.diff/1",
		load: () => import("../commands/diff.ts"),
	},
];
