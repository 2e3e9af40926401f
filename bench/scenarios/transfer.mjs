/** To and from a bucket of versitygw on loopback, which shares the cores with the clients: CPU time of the client decides. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
} from "node:fs";
import { join } from "node:path";
import { bale, forgetData, program } from "../lib/contestants.mjs";
import { changeFile, makeFile, makeFiles } from "../lib/files.mjs";
import { findPeer } from "../lib/peers.mjs";

const mebibyte = 2 ** 20;

const many = (context) => {
	const data = join(context.directory, "data");
	const count = context.scaled(2000);
	makeFiles(data, count, 100 * 1024);
	return { data, count };
};
const one = (context) => {
	const data = join(context.directory, "data");
	mkdirSync(data);
	makeFile(join(data, "big.bin"), context.scaled(1024) * mebibyte);
	return { data, count: 1 };
};

const python = () => findPeer("python").path;

/** The endpoint is given twice, since older releases do not know the variable. */
const awsCopy = ({ endpoint }) => [
	...["--endpoint-url", endpoint, "s3", "cp", "--only-show-errors", "--no-progress", "--recursive"],
];

/** The same client for all: bucket and arguments of one run are made before it. */
function uploads(data, context) {
	const { server } = context;
	let bucket;
	const fresh = () => {
		bucket = server.makeBucket(python());
		forgetData(context.env);
	};
	const arrived = (prefix) => () => {
		const { objects, bytes } = count(server, bucket, prefix);
		const expected = data.count;
		return objects === expected
			? undefined
			: `${objects} objects (${bytes} bytes) where ${expected} were sent`;
	};
	const contestant = (id, label, needs, argv, prefix) => ({
		id,
		label,
		needs,
		get argv() {
			return argv();
		},
		before: fresh,
		check: arrived(prefix),
	});
	return [
		contestant(
			"s5cmd",
			"s5cmd cp",
			["s5cmd"],
			() => [findPeer("s5cmd").path, "--log", "error", "cp", `${data.data}/`, `s3://${bucket}/data/`],
			"data/",
		),
		contestant(
			"rclone",
			"rclone copy",
			["rclone"],
			() => [findPeer("rclone").path, "copy", "--s3-no-check-bucket", data.data, `s:${bucket}/data`],
			"data/",
		),
		contestant(
			"aws",
			"aws s3 cp",
			["aws"],
			() => [findPeer("aws").path, ...awsCopy(server), data.data, `s3://${bucket}/data/`],
			"data/",
		),
		contestant(
			"quilt3",
			"quilt3 push",
			["quilt3"],
			() => [python(), program("quilt3-push.py"), data.data, `s3://${bucket}`],
			"bench/data/",
		),
		contestant(
			"bale",
			"bale push",
			[],
			() => bale("push", "bench/data", "--dir", data.data, "--registry", `s3://${bucket}`, "--quiet"),
			"bench/data/",
		),
	];
}

/** What is in a bucket below a prefix. */
function count(server, bucket, prefix) {
	const code =
		"import boto3, sys\n" +
		"n = b = 0\n" +
		"for page in boto3.client('s3').get_paginator('list_objects_v2').paginate(Bucket=sys.argv[1], Prefix=sys.argv[2]):\n" +
		"    for item in page.get('Contents', []):\n" +
		"        n += 1; b += item['Size']\n" +
		"print(n, b)";
	const env = { ...process.env, ...server.environment };
	const [objects, bytes] = execFileSync(python(), ["-c", code, bucket, prefix], { env, encoding: "utf8" })
		.split(" ")
		.map(Number);
	return { objects, bytes };
}

function downloads(data, context) {
	const { server } = context;
	const bucket = server.makeBucket(python());
	const dest = join(context.directory, "dest");
	execFileSync(
		bale()[0],
		bale("push", "bench/data", "--dir", data.data, "--registry", `s3://${bucket}`, "--quiet").slice(1),
		{ env: context.env },
	);
	const expected = digest(data.data);
	let runs = 0;
	const before = () => {
		// ext4 passes over the inodes of files that were removed shortly before for each file that is made.
		if (data.count > 1 && existsSync(dest)) renameSync(dest, `${dest}-${runs++}`);
		rmSync(dest, { recursive: true, force: true });
		forgetData(context.env);
	};
	const check = () =>
		digest(dest) === expected ? undefined : "the files that arrived are not those that were sent";
	const contestant = (id, label, needs, argv) => ({
		id,
		label,
		needs,
		argv,
		before,
		check,
	});
	const install = bale("install", "bench/data", "--registry", `s3://${bucket}`, "--dest", dest, "--quiet");
	return [
		contestant(
			"s5cmd",
			"s5cmd cp (verifies no package)",
			["s5cmd"],
			[findPeer("s5cmd").path, "--log", "error", "cp", `s3://${bucket}/bench/data/*`, `${dest}/`],
		),
		contestant(
			"rclone",
			"rclone copy",
			["rclone"],
			[findPeer("rclone").path, "copy", `s:${bucket}/bench/data`, dest],
		),
		contestant(
			"aws",
			"aws s3 cp",
			["aws"],
			[findPeer("aws").path, ...awsCopy(server), `s3://${bucket}/bench/data/`, dest],
		),
		contestant(
			"quilt3",
			"quilt3 install (verifies nothing)",
			["quilt3"],
			[python(), program("quilt3-install.py"), `s3://${bucket}`, dest],
		),
		contestant("bale", "bale install (verified)", [], install),
		{
			...contestant("bale-again", "bale install, all there already", [], install),
			before() {
				before();
				execFileSync(install[0], install.slice(1), { env: context.env });
			},
		},
	];
}

/** SHA-256 over the names and contents of a folder's files. */
function digest(directory) {
	const hash = createHash("sha256");
	let names;
	try {
		names = readdirSync(directory, { recursive: true })
			.map(String)
			.filter((name) => statSync(join(directory, name)).isFile());
	} catch {
		return "nothing arrived";
	}
	for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
		hash.update(`${name}\n`).update(
			createHash("sha256")
				.update(readFileSync(join(directory, name)))
				.digest(),
		);
	}
	return hash.digest("hex");
}

/** So many objects must have been written, no more and no fewer. */
function writes(expected) {
	return ({ requests }) => {
		const found = requests.PutObject ?? 0;
		return found === expected ? undefined : `${found} objects were written, not ${expected}`;
	};
}

/** What a second install may ask and read at most. */
const installedAlready = [
	{ of: "bale-again", metric: "requests", atMost: 4, why: "`latest` and the manifest, none for data" },
	{ of: "bale-again", metric: "read", mebibytes: 8, why: "its own files and the manifest, no content" },
];

/** @type {import("../lib/bench.mjs").Scenario[]} */
export const scenarios = [
	{
		name: "push-many",
		group: "transfer",
		title: "push of 2,000 files of 100 KiB",
		base: "s5cmd",
		server: true,
		prepare: many,
		contestants: uploads,
		targets: (data) => [
			{ of: "bale", beside: "s5cmd", metric: "cpu", atMost: 1 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 8 },
			{ of: "bale", metric: "rss", mebibytes: 128 },
			{
				of: "bale",
				metric: "requests",
				atMost: data.count + 20,
				why: `one for each of ${data.count} objects, the others for conditions, manifest and pointers`,
			},
		],
	},
	{
		name: "push-one",
		group: "transfer",
		title: "push of one file of 1 GiB",
		base: "s5cmd",
		server: true,
		prepare: one,
		contestants: uploads,
		targets: [
			{ of: "bale", beside: "s5cmd", metric: "cpu", atMost: 0.5 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 4 },
			{ of: "bale", metric: "rss", mebibytes: 128 },
		],
	},
	{
		name: "push-again",
		group: "transfer",
		title: "push of 2,000 files of 100 KiB of which nothing has changed; and one",
		base: "node",
		server: true,
		prepare: many,
		contestants(data, context) {
			const bucket = context.server.makeBucket(python());
			const registry = `s3://${bucket}`;
			const push = bale("push", "bench/data", "--dir", data.data, "--registry", registry, "--quiet");
			execFileSync(push[0], push.slice(1), { env: context.env });
			const bucket3 = context.server.makeBucket(python());
			const quilt3 = [python(), program("quilt3-push.py"), data.data, `s3://${bucket3}`, "--force"];
			if (!findPeer("quilt3").missing)
				execFileSync(quilt3[0], quilt3.slice(1), { env: context.env, stdio: "ignore" });
			// One file that changes: pushed apart, so that the others go on seeing nothing new.
			const changing = join(context.directory, "changing");
			cpSync(data.data, changing, { recursive: true });
			const other = `s3://${context.server.makeBucket(python())}`;
			const pushOne = bale("push", "bench/data", "--dir", changing, "--registry", other, "--quiet");
			execFileSync(pushOne[0], pushOne.slice(1), { env: context.env });
			return [
				{ id: "node", label: "node -e 0", argv: [process.execPath, "-e", "0"] },
				{ id: "bale", label: "bale push", argv: push, check: writes(0) },
				{
					id: "bale-one",
					label: "bale push, one file changed",
					argv: pushOne,
					before: () => changeFile(join(changing, "d0000/f000.bin")),
					// The object, the manifest, two pointers and who published.
					check: writes(5),
				},
				{ id: "quilt3", label: "quilt3 push", needs: ["quilt3"], argv: quilt3 },
			];
		},
		targets: [
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 8 },
			{
				of: "bale",
				metric: "requests",
				atMost: 3,
				why: "`latest`, its manifest, and the registry's workflow rules, which govern this push, too",
			},
			{
				of: "bale-one",
				metric: "requests",
				atMost: 12,
				why: "five that write: object, manifest, two pointers, author; the others read what the registry has",
			},
		],
	},
	{
		name: "install-many",
		group: "transfer",
		title: "install of 2,000 files of 100 KiB",
		base: "s5cmd",
		server: true,
		prepare: many,
		contestants: downloads,
		targets: [
			{ of: "bale", beside: "s5cmd", metric: "cpu", atMost: 1.15 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 7 },
			{ of: "bale", metric: "rss", mebibytes: 128 },
			...installedAlready,
		],
	},
	{
		name: "install-one",
		group: "transfer",
		title: "install of one file of 1 GiB",
		base: "s5cmd",
		server: true,
		prepare: one,
		contestants: downloads,
		targets: [
			{ of: "bale", beside: "s5cmd", metric: "cpu", atMost: 1.4 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 1.7 },
			{ of: "bale", metric: "rss", mebibytes: 128 },
			...installedAlready,
		],
	},
];
