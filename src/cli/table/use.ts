import type { CommandSpec, OptionSpec } from "../command.ts";
import {
	allowUnverified,
	concurrency,
	noCache,
	packageArgument,
	registry,
	sharedRegistry,
	topHash,
} from "./shared.ts";

const overwrite: OptionSpec = {
	name: "overwrite",
	what: "Replace files that were changed since they were installed, or that are not the package's",
};

const allowLocalFiles: OptionSpec = {
	name: "allow-local-files",
	what: "Follow references of the manifest to local files outside of the registry",
};

export const useCommands: readonly CommandSpec[] = [
	{
		name: "install",
		group: "Use",
		summary: "Download a revision, verify it, and remember where it is",
		details: [
			"Every byte is checked while it is written, to a temporary name that becomes the final one only when the content is right. Files that are there already are not moved again; files that you have changed are not overwritten unless told to.",
			"The revision is also recorded in the local registry, and status knows the folder from then on.",
		],
		arguments: [packageArgument],
		options: [
			sharedRegistry,
			topHash,
			{
				name: "dest",
				value: "FOLDER",
				what: "Where the files go; default: the configured place",
				completes: "folder",
			},
			{
				name: "dest-registry",
				value: "REGISTRY",
				what: "Registry that records the revision; default: the local one",
				completes: "registry",
			},
			{
				name: "path",
				value: "KEY",
				what: "Only this file or directory of the package",
				completes: "nothing",
			},
			overwrite,
			{ name: "prune", what: "Remove unchanged files of the revision that was installed there before" },
			allowUnverified,
			allowLocalFiles,
			concurrency,
			noCache,
		],
		examples: [
			{
				command: "bale install ann/cats --registry /data/lab --dest ./cats",
				what: "Install the latest revision",
			},
			{
				command: "bale install ann/cats@3f9c21ab --registry /data/lab --dest ./old",
				what: "Install exactly one",
			},
		],
		schema: "bale.install/1",
		writes: true,
		load: () => import("../commands/install.ts"),
	},
	{
		name: "fetch",
		group: "Use",
		summary: "Copy files of a revision to a folder, without recording anything",
		arguments: [
			packageArgument,
			{
				name: "KEY",
				what: "Only this file or directory of the package",
				optional: true,
				completes: "nothing",
			},
		],
		options: [
			registry,
			topHash,
			{
				name: "dest",
				value: "FOLDER",
				what: "Where the files go; default: the current folder",
				completes: "folder",
			},
			overwrite,
			allowUnverified,
			allowLocalFiles,
			concurrency,
		],
		examples: [{ command: "bale fetch ann/cats photos --dest ./photos", what: "Copy one directory" }],
		schema: "bale.fetch/1",
		writes: true,
		load: () => import("../commands/fetch.ts"),
	},
	{
		name: "cat",
		group: "Use",
		summary: "Print one file of a revision",
		details: [
			"The bytes are checked against the manifest while they are printed; with --range they cannot be, and only that part is read.",
		],
		arguments: [packageArgument, { name: "KEY", what: "The file", optional: true, completes: "nothing" }],
		options: [
			registry,
			topHash,
			{
				name: "range",
				value: "START-END",
				what: "Bytes from START up to and including END, counted from 0; START- to the end, -N the last N",
				completes: "nothing",
			},
			allowUnverified,
			allowLocalFiles,
		],
		examples: [{ command: "bale cat ann/cats README.md", what: "Print the description" }],
		schema: "bale.cat/1",
		load: () => import("../commands/cat.ts"),
	},
];
