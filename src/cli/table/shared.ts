/** Arguments and options that several commands have; each is described once, here. */
import type { ArgumentSpec, OptionSpec } from "../command.ts";

export const nameArgument: ArgumentSpec = {
	name: "NAME",
	what: "The package, as namespace/name or a quilt+s3:// address",
	completes: "package",
};

export const packageArgument: ArgumentSpec = {
	name: "PACKAGE",
	what: "The package: namespace/name, NAME@HASH, NAME:POINTER or a quilt+s3:// address",
	completes: "revision",
};

/** Registry of commands that look at what is there. */
export const registry: OptionSpec = {
	name: "registry",
	value: "REGISTRY",
	what: "A directory, file:// URL or s3://bucket; default: the local registry",
	completes: "registry",
};

/** The same as a word. */
export function registryArgument({ what }: OptionSpec): ArgumentSpec {
	return { name: "REGISTRY", what, optional: true, completes: "registry" };
}

/** Registry of commands that move data between people. */
export const sharedRegistry: OptionSpec = {
	...registry,
	what: "A directory, file:// URL or s3://bucket; default: default_remote_registry of the configuration",
};

export const topHash: OptionSpec = {
	name: "top-hash",
	value: "HASH",
	what: "The revision with this top hash, or with one that begins so (6 digits or more)",
	completes: "hash",
};

export const concurrency: OptionSpec = {
	name: "concurrency",
	value: "N",
	what: "Files at once; default: what the machine can use",
	least: 1,
	completes: "nothing",
};

export const noCache: OptionSpec = {
	name: "no-cache",
	what: "Read files also when they have not been touched since they were hashed last",
};

export const allowUnverified: OptionSpec = {
	name: "allow-unverified",
	what: "Accept a manifest whose content does not give its top hash",
};

/** Which files of a folder count. */
export const folderOptions: readonly OptionSpec[] = [
	{
		name: "include",
		value: "GLOB",
		what: "Take only files that match; may be given several times",
		repeat: true,
		completes: "nothing",
	},
	{
		name: "exclude",
		value: "GLOB",
		what: "Leave out files that match; may be given several times",
		repeat: true,
		completes: "nothing",
	},
	{
		name: "ignore",
		value: "RULE",
		what: "How .quiltignore is read: quilt (as quilt3 does), git (as .gitignore) or none; default: quilt",
		choices: ["quilt", "git", "none"],
	},
];

export const update: OptionSpec = {
	name: "update",
	what: "Start from the previous revision: files that are gone from the folder stay",
};

/** What a new revision says about itself. */
export const revisionOptions: readonly OptionSpec[] = [
	{ name: "message", short: "m", value: "TEXT", what: "What this revision is about", completes: "nothing" },
	{
		name: "meta",
		value: "JSON",
		what: "Metadata of the package, any JSON value, or @FILE to read it from a file; without it: null",
		completes: "file",
	},
	{ name: "keep-meta", what: "Take the metadata of the previous revision" },
	{
		name: "workflow",
		value: "ID",
		what: 'Workflow of the registry to publish under; "" for explicitly none',
		completes: "workflow",
	},
];
