/** What only a person at a terminal sees: questions, progress, colour. */
import { existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Sandbox, sandbox } from "../../cli/sandbox.ts";
import { json, startStub } from "../../identity/stub-server.ts";
import { childEnvironment, cliFile } from "../../support/cli.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

function open(box: Sandbox, args: string, env: Record<string, string> = {}): Terminal {
	const clean: NodeJS.ProcessEnv = { ...childEnvironment(box.home), NO_COLOR: "", ...env };
	delete clean["CI"];
	return openTerminal(`"${process.execPath}" "${cliFile}" ${args}`, clean, box.root);
}

describe("bale delete at a terminal", () => {
	it("says what will break and deletes when the name is typed", async () => {
		const box = sandbox();
		box.folder("cats", { "a.txt": "a" });
		await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		const refusing = open(box, "delete ann/cats --registry registry");
		await refusing.see(/will find nothing/);
		await refusing.see(/Type ann\/cats to delete it/);
		refusing.type("no\r");
		expect(await refusing.ended()).toBe(130);
		expect((await box.json(["list", "registry"]))["packages"]).toEqual(["ann/cats"]);
		const interrupting = open(box, "delete ann/cats --registry registry");
		await interrupting.see(/Type ann\/cats to delete it/);
		interrupting.type("\u0003");
		expect(await interrupting.ended()).toBe(130);
		const agreeing = open(box, "delete ann/cats --registry registry");
		await agreeing.see(/Type ann\/cats to delete it/);
		agreeing.type("ann/cats\r");
		await agreeing.see(/Deleted ann\/cats/);
		expect(await agreeing.ended()).toBe(0);
		expect((await box.json(["list", "registry"]))["packages"]).toEqual([]);
	});
});

describe("bale login at a terminal", () => {
	it("asks for the code without showing it", async () => {
		const box = sandbox();
		const server = await startStub(({ path }) => {
			if (path === "/config.json") return json({ registryUrl: `${server.origin}/registry` });
			if (path === "/registry/api/token") {
				return json({ refresh_token: "r", access_token: "t", expires_at: Date.now() / 1000 + 3600 });
			}
			return json({
				AccessKeyId: "k",
				SecretAccessKey: "s",
				SessionToken: "x",
				Expiration: new Date(Date.now() + 3_600_000).toISOString(),
			});
		});
		try {
			await box.json(["config", server.origin]);
			const terminal = open(box, "login --no-browser");
			await terminal.see(/\/registry\/login/);
			await terminal.see(/Code from the page/);
			terminal.type("secret-code\r");
			await terminal.see(/Logged in to/);
			expect(await terminal.ended()).toBe(0);
			expect(terminal.screen()).not.toContain("secret-code");
			expect(server.received.some(({ body }) => body === "refresh_token=secret-code")).toBe(true);
			expect(readFileSync(join(box.data, "auth.json"), "utf8")).toContain("refresh_token");
		} finally {
			await server.close();
		}
	});
});

describe("bale push at a terminal", () => {
	it("draws one line of progress with rate and remaining time, and removes it", async () => {
		const box = sandbox();
		const folder = box.folder("cats", { "a.txt": "a" });
		writeFileSync(join(folder, "big"), "");
		truncateSync(join(folder, "big"), 700_000_000);
		const terminal = open(box, "push ann/cats --dir cats --registry registry");
		await terminal.see(
			/Copying \d\/2 files {2}[\d.]+ [KMG]?i?B of 668 MiB {2}[\d.]+ [KMG]iB\/s {2}\d+:\d\d left/,
		);
		await terminal.see(/\r\u001b\[K/);
		await terminal.see(/Published a revision of ann\/cats/);
		expect(await terminal.ended()).toBe(0);
		const silent = open(box, "push ann/cats --dir cats --registry other --quiet");
		expect(await silent.ended()).toBe(0);
		expect(silent.screen()).toMatch(/^[0-9a-f]{64}\r\n$/);
	});

	it("ends cleanly on Ctrl-C, typed as a key", async () => {
		const box = sandbox();
		const folder = box.folder("cats", {});
		writeFileSync(join(folder, "big"), "");
		truncateSync(join(folder, "big"), 3_000_000_000);
		const terminal = open(box, "push ann/cats --dir cats --registry registry");
		await terminal.see(/Copying .*left/);
		terminal.type("\u0003");
		await terminal.see(/error:/);
		expect(await terminal.ended()).toBe(130);
		expect(existsSync(join(box.registry, ".quilt/named_packages"))).toBe(false);
		expect(readdirSync(join(box.registry, ".bale/tmp"))).toEqual([]);
	});

	it("colours errors, and draws nothing on a dumb terminal", async () => {
		const box = sandbox();
		const terminal = open(box, "show ann/cats");
		await terminal.see(/\u001b\[31merror:\u001b\[0m There is no package/);
		expect(await terminal.ended()).toBe(10);
	});
});
