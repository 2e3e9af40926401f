import type { CommandSpec } from "../command.ts";

export const serveCommands: readonly CommandSpec[] = [
	{
		name: "serve",
		group: "Use",
		summary: "Let programs that speak S3 read and write folders",
		details: [
			"Each folder is a bucket, and each file in it an object, whoever wrote it. What clients replace or delete is kept as a version below .bale in the folder. The names of the buckets, the address and the keys are printed when the server is ready; it ends with Ctrl-C.",
			"The keys are BALE_S3_ACCESS_KEY_ID and BALE_S3_SECRET_ACCESS_KEY of the environment; without them they are generated, and then the server only listens on this machine. Everybody who has them may do everything. The connection is not encrypted: put a proxy with TLS before a server that others reach.",
		],
		arguments: [],
		options: [
			{
				name: "s3",
				value: "FOLDER",
				what: "The folders; NAME=FOLDER names the bucket, otherwise it is the folder's own name in small letters",
				repeat: true,
				variadic: true,
				completes: "folder",
			},
			{
				name: "port",
				value: "PORT",
				least: 0,
				what: "Where to listen; default: 9000. 0 takes a free one",
				completes: "nothing",
			},
			{
				name: "host",
				value: "HOST",
				what: "Address of this machine to listen on; default: 127.0.0.1, which only this machine reaches",
				completes: "nothing",
			},
			{ name: "read-only", what: "Refuse everything that would change a folder" },
			{
				name: "cors",
				value: "ORIGIN",
				what: "Let the web pages of this origin read the answers, * those of any; they need the keys all the same",
				repeat: true,
				completes: "nothing",
			},
		],
		examples: [
			{ command: "bale serve --s3 /data/lab", what: "s3://lab on http://127.0.0.1:9000" },
			{
				command: "bale serve --s3 raw=/mnt/a results=/mnt/b --port 0 --json",
				what: "Two buckets, for a script",
			},
		],
		schema: "bale.serve/1",
		load: () => import("../commands/serve.ts"),
	},
];
