import type { CommandSpec } from "../command.ts";
import {
	concurrency,
	folderOptions,
	nameArgument,
	noCache,
	packageArgument,
	registry,
	revisionOptions,
	sharedRegistry,
	topHash,
	update,
} from "./shared.ts";

export const publishCommands: readonly CommandSpec[] = [
	{
		name: "build",
		group: "Publish",
		summary: "Make a revision from a folder; the data stays where it is",
		details: [
			"Hashes every file below the folder and records a new revision whose entries point to those files. Nothing is copied: use push to move the data into a registry as well.",
			"The folder is the package's content. The same folder with the same flags gives the same top hash as quilt3 does; files that are gone from the folder are gone from the package, unless --update is given.",
		],
		arguments: [nameArgument],
		options: [
			{ name: "dir", value: "FOLDER", what: "The folder that is the package's content", completes: "folder" },
			registry,
			...revisionOptions,
			...folderOptions,
			update,
			{ name: "force", what: "Publish over what others have published in the meantime" },
			concurrency,
			noCache,
		],
		examples: [
			{ command: "bale build ann/cats --dir ./cats", what: "Record a revision in the local registry" },
			{ command: "bale build ann/cats --dir ./cats --dry-run", what: "Only compute its top hash" },
		],
		schema: "bale.build/1",
		writes: true,
		load: () => import("../commands/build.ts"),
	},
	{
		name: "push",
		group: "Publish",
		summary: "Publish a folder, or a package of the local registry, with its data",
		details: [
			"Copies the data into the registry and publishes a revision that points to the copies. With --dir the folder is the package's content, as in build; without it the package of that name in the local registry is published, with its message unless another is given.",
			"Refuses with exit code 11 when the latest revision is not one that the folder's content comes from (that was installed in it as a whole or pushed from it; where nothing is known of the folder: that you have installed or pushed at all): the folder may lack what somebody else, or you elsewhere, published. --rebase joins their changes and yours since then, file by file, and publishes that; it refuses only where both have changed the same file, and names it. --force publishes without looking. No revision is lost in any case.",
			"Without --meta the metadata of a pushed folder is null, as with quilt3; where that drops metadata of the previous revision, push says so. With --rebase the metadata of the latest revision stay, unless --meta is given.",
		],
		arguments: [nameArgument],
		options: [
			{ name: "dir", value: "FOLDER", what: "The folder that is the package's content", completes: "folder" },
			sharedRegistry,
			{ name: "dest", value: "URL", what: "Where the data goes; default: below the registry and the name" },
			...revisionOptions,
			...folderOptions,
			update,
			{ name: "rebase", what: "Join your changes with what others have published in the meantime" },
			{ name: "force", what: "Publish over what others have published in the meantime" },
			{ name: "dedupe", what: "Publish nothing when the top hash is that of the latest revision" },
			{ name: "no-copy", what: "Leave the data where it is (not for local folders)" },
			concurrency,
			{
				...noCache,
				what: `${noCache.what}, and look whether the registry still has each object`,
			},
		],
		examples: [
			{
				command: "bale push ann/cats --dir ./cats --registry /data/lab -m 'More cats'",
				what: "Publish a folder",
			},
			{
				command: "bale push ann/cats --registry /data/lab --dry-run",
				what: "See what pushing a built package would do",
			},
		],
		schema: "bale.push/1",
		writes: true,
		load: () => import("../commands/push.ts"),
	},
	{
		name: "rollback",
		group: "Publish",
		summary: "Make an earlier revision the latest one again",
		details: ["Only the pointer latest changes; every revision stays."],
		arguments: [
			packageArgument,
			{ name: "HASH", what: "The revision to go back to", optional: true, completes: "hash" },
		],
		options: [registry, topHash],
		examples: [
			{ command: "bale rollback ann/cats 3f9c21ab --registry /data/lab", what: "Undo what came after" },
		],
		schema: "bale.rollback/1",
		writes: true,
		load: () => import("../commands/rollback.ts"),
	},
	{
		name: "delete",
		group: "Publish",
		summary: "Remove a package, or one revision of it, from a registry's lists",
		details: [
			"Removes the pointers, never data or manifests: a revision can still be installed by its full top hash. Says what will break for whom, and asks; scripts answer with --yes.",
		],
		arguments: [packageArgument],
		options: [registry, topHash, { name: "yes", short: "y", what: "Do not ask" }],
		examples: [
			{ command: "bale delete ann/cats --registry /data/lab --dry-run", what: "See what would be removed" },
			{ command: "bale delete ann/cats@3f9c21ab --registry /data/lab --yes", what: "Remove one revision" },
		],
		schema: "bale.delete/1",
		writes: true,
		load: () => import("../commands/delete.ts"),
	},
];
