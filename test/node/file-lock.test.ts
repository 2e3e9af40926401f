import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type LockHolder, withFileLock } from "../../src/node/file-lock.ts";
import { isDead, ownIdentity, type ProcessIdentity, processIsGone } from "../../src/node/process-identity.ts";
import { runScript, startScript } from "../support/child.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const deadPid = 4_194_305; // more than the kernel ever gives
const here: ProcessIdentity = {
	...ownIdentity(),
	host: "here",
	machineId: "machine",
	bootId: "boot",
	pidNamespace: "namespace",
	startTime: ownIdentity().startTime,
};

function lockFile(holder: Partial<LockHolder> | string): string {
	const path = join(temporaryDirectory(), "locks/x.lock");
	mkdirSync(join(path, ".."));
	const whole = { ...ownIdentity(), token: "0".repeat(32), since: 0 };
	writeFileSync(path, typeof holder === "string" ? holder : JSON.stringify({ ...whole, ...holder }));
	return path;
}

describe("withFileLock()", () => {
	test("holds a file that names the process, and removes it", async () => {
		const path = join(temporaryDirectory(), "locks/x.lock");
		const result = await withFileLock(path, async () => {
			expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject(ownIdentity());
			return 42;
		});
		expect(result).toBe(42);
		expect(readdirSync(join(path, ".."))).toEqual([]);
	});

	test("lets one in at a time, in the order in which they came", async () => {
		const path = join(temporaryDirectory(), "x.lock");
		const order: number[] = [];
		let inside = 0;
		await Promise.all(
			Array.from({ length: 20 }, (_, index) =>
				withFileLock(path, async () => {
					expect(++inside).toBe(1);
					await sleep(1);
					inside--;
					order.push(index);
				}),
			),
		);
		expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
	});

	test("is released when the work fails", async () => {
		const path = join(temporaryDirectory(), "x.lock");
		await expect(withFileLock(path, () => Promise.reject(new Error("work")))).rejects.toThrow("work");
		expect(existsSync(path)).toBe(false);
		expect(await withFileLock(path, () => "again")).toBe("again");
	});

	test("takes over from a dead process at once", async () => {
		const path = lockFile({ pid: deadPid });
		expect(await withFileLock(path, () => "taken", { waitMs: 0 })).toBe("taken");
		expect(readdirSync(join(path, ".."))).toEqual([]);
	});

	test("takes over when the id of the dead process was given to another one", async () => {
		const path = lockFile({ startTime: "1" });
		expect(await withFileLock(path, () => "taken", { waitMs: 0 })).toBe("taken");
	});

	test("takes over also when who wanted to do so died in the middle", async () => {
		const path = lockFile({ pid: deadPid });
		writeFileSync(
			`${path}.${"0".repeat(16)}`,
			JSON.stringify({ ...ownIdentity(), pid: deadPid, token: "1".repeat(32), since: 0 }),
		);
		expect(await withFileLock(path, () => "taken", { waitMs: 1000 })).toBe("taken");
		expect(readdirSync(join(path, ".."))).toEqual([]);
	});

	test.each([
		["a live process", {}],
		["a process of another machine", { host: "elsewhere", pid: deadPid }],
		["a process of another container", { pidNamespace: "pid:[1]", pid: deadPid }],
		["nobody that can be read", "not json"],
		["half a holder", '{"pid": 1}'],
	])("is Locked by %s, and says where", async (_, holder) => {
		const path = lockFile(holder);
		const before = readFileSync(path, "utf8");
		await expect(
			withFileLock(path, () => "never", { waitMs: 50, subject: "ann/cats" }),
		).rejects.toMatchObject({ code: "Locked", details: { path } });
		expect(readFileSync(path, "utf8")).toBe(before);
		expect(readdirSync(join(path, ".."))).toEqual(["x.lock"]);
	});

	test("waits for a live holder", async () => {
		const path = lockFile({});
		setTimeout(
			() => writeFileSync(path, JSON.stringify({ ...ownIdentity(), pid: deadPid, token: "2".repeat(32) })),
			50,
		);
		expect(await withFileLock(path, () => "later", { waitMs: 5000 })).toBe("later");
	});

	test("stops waiting when it is aborted", async () => {
		const path = lockFile({});
		const abort = new AbortController();
		setTimeout(() => abort.abort(), 30);
		await expect(withFileLock(path, () => "never", { signal: abort.signal })).rejects.toMatchObject({
			code: "Aborted",
		});
	});

	test("of many processes that find a dead holder one at a time gets in", async () => {
		const path = lockFile({ pid: deadPid });
		const log = join(temporaryDirectory(), "log");
		writeFileSync(log, "");
		await Promise.all(
			Array.from({ length: 6 }, () => runScript("test/node/lock-process.ts", ["race", path, log])),
		);
		const lines = readFileSync(log, "utf8").trim().split("\n");
		expect(lines).toHaveLength(6 * 20);
		for (let index = 0; index < lines.length; index += 2) {
			expect(lines[index + 1]).toBe(lines[index]?.replace("in", "out"));
		}
		expect(readdirSync(join(path, ".."))).toEqual([]);
	}, 60_000);

	test("a holder that is stopped keeps the lock, and loses it when it is killed", async () => {
		const path = join(temporaryDirectory(), "x.lock");
		const child = startScript("test/node/lock-process.ts", ["hold", path]);
		await once(child.stdout!, "data");
		child.kill("SIGSTOP");
		await expect(withFileLock(path, () => "never", { waitMs: 100 })).rejects.toMatchObject({
			code: "Locked",
			details: { pid: child.pid },
		});
		child.kill("SIGKILL");
		await once(child, "exit");
		expect(await withFileLock(path, () => "mine", { waitMs: 1000 })).toBe("mine");
	}, 30_000);
});

describe("isDead()", () => {
	test.each([
		["this process", {}, false],
		["a free id", { pid: deadPid }, true],
		["an id that now belongs to another", { startTime: "1" }, true],
		["an unknown start time", { startTime: "" }, false],
		["another host", { host: "there", pid: deadPid }, false],
		["another process namespace", { pidNamespace: "other", pid: deadPid }, false],
		["the time before a restart", { bootId: "earlier" }, true],
		["another machine of the same name", { bootId: "other", machineId: "other", pid: deadPid }, false],
		["a machine without an id", { bootId: "other", machineId: "", pid: deadPid }, false],
	])("of %s", (_, other, dead) => {
		expect(isDead({ ...here, ...other }, here)).toBe(dead);
	});

	test("processIsGone() takes processes of others for alive", () => {
		expect(processIsGone(process.pid)).toBe(false);
		expect(processIsGone(1)).toBe(false);
		expect(processIsGone(deadPid)).toBe(true);
	});
});
