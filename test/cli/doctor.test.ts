import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import { checkNode } from "../../src/cli/doctor/system.ts";
import { type Document, type Sandbox, sandbox } from "./sandbox.ts";

const pointers = ".quilt/named_packages/ann/cats";
const manifests = ".quilt/packages";

async function withCats(): Promise<Sandbox> {
	const box = sandbox();
	box.folder("cats", { "a.txt": "a\n" });
	await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
	return box;
}

function manifestOf(box: Sandbox): string {
	return join(box.registry, manifests, readFileSync(join(box.registry, pointers, "latest"), "utf8"));
}

function faults(document: Document): Finding[] {
	return (document["findings"] as Finding[]).filter(
		({ severity }) => severity === "problem" || severity === "warning",
	);
}

type Case = {
	readonly what: string;
	readonly break: (box: Sandbox) => void;
	/** Checks that must complain; nothing else may. */
	readonly finds: readonly string[];
	readonly severity?: "warning";
	readonly args?: readonly string[];
	readonly env?: (box: Sandbox) => Record<string, string>;
};

const cases: readonly Case[] = [
	{
		what: "a registry that cannot be looked into",
		break: (box) => {
			rmSync(join(box.registry, ".quilt"), { recursive: true });
			writeFileSync(join(box.registry, ".quilt"), "");
		},
		finds: ["registry"],
	},
	{
		what: "a data directory where a file is",
		break: (box) => writeFileSync(box.path("file"), ""),
		env: (box) => ({ BALE_DATA_DIR: box.path("file") }),
		finds: ["data-directory"],
	},
	{
		what: "config.yml that is not YAML",
		break: (box) => void box.folder("home/.local/share/Quilt", { "config.yml": "a: [\n" }),
		finds: ["config-file"],
	},
	{
		what: "an empty config.yml",
		break: (box) => void box.folder("home/.local/share/Quilt", { "config.yml": "" }),
		finds: ["config-file"],
	},
	{
		what: "a default local registry that is no file URL",
		break: (box) =>
			void box.folder("home/.local/share/Quilt", { "config.yml": "default_local_registry: /plain/path\n" }),
		finds: ["config-value"],
	},
	{
		what: "a default local registry that is not there",
		break: (box) =>
			void box.folder("home/.local/share/Quilt", {
				"config.yml": "default_local_registry: file:///not/there\n",
			}),
		finds: ["local-registry"],
	},
	{
		what: "a default remote registry that is garbage",
		break: (box) =>
			void box.folder("home/.local/share/Quilt", { "config.yml": "default_remote_registry: garbage\n" }),
		finds: ["remote-registry"],
	},
	{
		what: "a default remote registry that is not mounted",
		break: (box) =>
			void box.folder("home/.local/share/Quilt", { "config.yml": "default_remote_registry: /not/mounted\n" }),
		finds: ["remote-registry"],
	},
	{
		what: "an empty pointer latest",
		break: (box) => writeFileSync(join(box.registry, pointers, "latest"), ""),
		finds: ["corrupt-pointer"],
	},
	{
		what: "a pointer latest that holds something else",
		break: (box) => writeFileSync(join(box.registry, pointers, "latest"), "not a hash"),
		finds: ["corrupt-pointer"],
	},
	{
		what: "no pointer latest",
		break: (box) => rmSync(join(box.registry, pointers, "latest")),
		finds: ["latest-missing"],
	},
	{
		what: "pointers to a manifest that is not there",
		break: (box) => rmSync(manifestOf(box)),
		finds: ["dangling-pointer", "dangling-pointer"],
	},
	{
		what: "a damaged manifest",
		break: (box) => {
			const path = manifestOf(box);
			writeFileSync(path, readFileSync(path, "utf8").replace('"size": 2', '"size": 3'));
		},
		finds: ["damaged-manifest"],
	},
	{
		what: "a manifest that was cut off",
		break: (box) => {
			const path = manifestOf(box);
			writeFileSync(path, readFileSync(path, "utf8").slice(0, -10));
		},
		finds: ["damaged-manifest"],
	},
	{
		what: "a foreign file beside the pointers",
		break: (box) => writeFileSync(join(box.registry, pointers, "v1"), ""),
		finds: ["foreign-file"],
	},
	{
		what: "a foreign file beside the manifests",
		break: (box) => writeFileSync(`${manifestOf(box)}.bak`, ""),
		finds: ["foreign-file"],
	},
	{
		what: "a foreign file beside the packages",
		break: (box) => writeFileSync(join(box.registry, ".quilt/named_packages/.DS_Store"), ""),
		finds: ["foreign-file"],
	},
	{
		what: "temporary files of interrupted work",
		break: (box) => {
			const path = join(box.registry, ".bale/tmp/.bale-tmp-1-0123456789abcdef01234567");
			mkdirSync(join(path, ".."), { recursive: true });
			writeFileSync(path, "");
			utimesSync(path, 1000, 1000);
		},
		finds: ["stale-files"],
		severity: "warning",
	},
	{
		what: "a lock that is older than a day",
		break: (box) => {
			const path = join(box.registry, ".bale/locks/x.lock");
			mkdirSync(join(path, ".."), { recursive: true });
			writeFileSync(path, "");
			utimesSync(path, 1000, 1000);
		},
		finds: ["stale-lock"],
		severity: "warning",
	},
	{
		what: "a broken auth.json",
		break: (box) => {
			const folder = box.folder("home/.local/share/Quilt", { "auth.json": "{" });
			chmodSync(join(folder, "auth.json"), 0o600);
		},
		finds: ["login-file"],
	},
	{
		what: "credentials that others can read",
		break: (box) => {
			const folder = box.folder("home/.local/share/Quilt", { "credentials.json": "{}" });
			chmodSync(join(folder, "credentials.json"), 0o644);
		},
		finds: ["login-permissions"],
	},
	{
		what: "a clock behind the newest pointer",
		break: (box) => {
			const hash = readFileSync(join(box.registry, pointers, "latest"));
			writeFileSync(join(box.registry, pointers, String(Math.floor(Date.now() / 1000) + 3600)), hash);
		},
		finds: ["clock"],
		severity: "warning",
	},
	{
		what: "a workflow configuration that cannot be used",
		break: (box) => void box.folder("registry/.quilt/workflows", { "config.yml": "version: '1'\n" }),
		finds: ["workflow-config"],
		severity: "warning",
	},
	{
		what: "a variable that is no number",
		break: () => undefined,
		env: () => ({ QUILT_TRANSFER_MAX_CONCURRENCY: "many" }),
		finds: ["environment"],
	},
	{
		what: "an identity service that does not answer",
		break: (box) =>
			void box.folder("home/.local/share/Quilt", { "config.yml": "registryUrl: http://127.0.0.1:1/\n" }),
		finds: ["registryUrl"],
	},
];

describe("bale doctor", () => {
	it("finds nothing wrong on a new machine and in a healthy registry, and changes nothing", async () => {
		const box = await withCats();
		// What is compiled is kept by every command.
		const filesOfUser = (): string[] =>
			readdirSync(box.home, { recursive: true, encoding: "utf8" }).filter(
				(path) => !path.startsWith(join(".cache", "bale", "compiled")),
			);
		const before = filesOfUser();
		const document = await box.json(["doctor", "registry"]);
		expect(document).toMatchObject({ healthy: true, problemCount: 0, warningCount: 0 });
		expect(faults(document)).toEqual([]);
		expect(filesOfUser()).toEqual(before);
		const human = await box.bale(["doctor"]);
		expect(human).toMatchObject({ code: 0 });
		expect(human.stderr).toContain("Nothing is wrong");
		expect((await box.bale(["doctor", "registry"])).stdout).toContain(": 1 package, 1 manifest read\n");
	});

	it.for(cases)("finds $what, and says how to mend it", async (scenario) => {
		const box = await withCats();
		scenario.break(box);
		const options = scenario.env === undefined ? {} : { env: scenario.env(box) };
		const code = scenario.severity === "warning" ? 0 : 4;
		const found = faults(await box.json(["doctor", "registry"], code, options));
		expect(found.map(({ check }) => check)).toEqual(scenario.finds);
		for (const { severity, remedy } of found) {
			expect(severity).toBe(scenario.severity ?? "problem");
			expect(remedy).toMatch(/^[A-Z].{10}/);
		}
	});

	it("prints the remedy for people, and the names of the checks with --quiet", async () => {
		const box = await withCats();
		writeFileSync(join(box.registry, pointers, "latest"), "");
		const human = await box.bale(["doctor", "registry"]);
		expect(human.code).toBe(4);
		expect(human.stdout).toContain(
			"problem  The pointer ann/cats:latest is empty\n         Take the newest pointer: cp ",
		);
		expect((await box.bale(["doctor", "registry", "-q"])).stdout).toBe("corrupt-pointer\n");
	});

	it("mends an empty latest with the remedy that it prints", async () => {
		const box = await withCats();
		writeFileSync(join(box.registry, pointers, "latest"), "");
		const [finding] = faults(await box.json(["doctor", "registry"], 4));
		const [, from = "", to = ""] = /cp "(.*)" "(.*)"$/.exec(finding?.remedy ?? "") ?? [];
		writeFileSync(to, readFileSync(from));
		expect(await box.json(["doctor", "registry"])).toMatchObject({ healthy: true });
		expect(await box.json(["show", "ann/cats", "--registry", "registry"])).toMatchObject({ files: 1 });
	});
});

describe("checkNode()", () => {
	it("wants Node 20.20 or later", () => {
		expect(["18.20.8", "20.9.0", "20.19.9"].map((version) => checkNode(version).severity)).toEqual(
			Array(3).fill("problem"),
		);
		expect(["20.20.0", "22.1.0", "24.21.0"].map((version) => checkNode(version).severity)).toEqual(
			Array(3).fill("ok"),
		);
	});
});
