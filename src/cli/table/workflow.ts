import type { CommandSpec } from "../command.ts";
import {
	folderOptions,
	nameArgument,
	registryArgument,
	revisionOptions,
	sharedRegistry,
	update,
} from "./shared.ts";

export const workflowCommands: readonly CommandSpec[] = [
	{
		name: "workflow list",
		group: "Check",
		summary: "List the workflows of a registry",
		details: [
			"A registry's owner may demand things of the packages that are published there, in .quilt/workflows/config.yml. Each set of demands is a workflow.",
		],
		arguments: [registryArgument(sharedRegistry)],
		options: [sharedRegistry],
		examples: [{ command: "bale workflow list s3://lab", what: "What one can choose from" }],
		schema: "bale.workflow-list/1",
		load: () => import("../commands/workflow-list.ts"),
	},
	{
		name: "workflow show",
		group: "Check",
		summary: "Show what a workflow demands, with its schemas",
		arguments: [{ name: "ID", what: "The workflow", completes: "workflow" }],
		options: [sharedRegistry],
		examples: [
			{
				command: "bale workflow show checked --registry s3://lab",
				what: "Message, name, metadata and files",
			},
		],
		schema: "bale.workflow-show/1",
		load: () => import("../commands/workflow-show.ts"),
	},
	{
		name: "workflow check",
		group: "Check",
		summary: "Check a folder or package by a registry's workflow, without publishing",
		details: [
			"Says all that push with the same options would be refused for, each with a JSON pointer. Nothing is hashed and nothing written. Exits with 14 when something is wrong.",
			"With --dir the folder is the package's content; without it the package of that name in the local registry is checked.",
		],
		arguments: [nameArgument],
		options: [
			{ name: "dir", value: "FOLDER", what: "The folder that is the package's content", completes: "folder" },
			sharedRegistry,
			...revisionOptions,
			...folderOptions,
			update,
		],
		examples: [
			{
				command: `bale workflow check ann/cats --dir ./cats --registry s3://lab --meta '{"species": "cat"}'`,
				what: "Before pushing a folder",
			},
		],
		schema: "bale.workflow-check/1",
		load: () => import("../commands/workflow-check.ts"),
	},
];
