import { describe, expect, test } from "vitest";
import { type PathSystem, resolveInput, slashed } from "./path-input.ts";

/** A system on which only the paths in `real` exist, each being the other. */
function system(platform: NodeJS.Platform, real: Readonly<Record<string, string>> = {}): PathSystem {
	const windows = platform === "win32";
	return {
		platform,
		home: windows ? "C:\\Users\\ann" : "/home/ann",
		current: windows ? "D:\\work" : "/work",
		realPath: (path) => real[path],
	};
}

describe("resolveInput()", () => {
	test.each([
		["a/b", "/work/a/b"],
		["./a/../b", "/work/b"],
		["/x//y/./z", "/x/y/z"],
		["dir/", "/work/dir/"],
		["/", "/"],
		[".", "/work"],
		["./", "/work/"],
		["~", "/home/ann"],
		["~/", "/home/ann/"],
		["~/data", "/home/ann/data"],
		["~bob/data", "/work/~bob/data"],
		["a~", "/work/a~"],
		["a\\b", "/work/a\\b"],
		["./a:b", "/work/a:b"],
	])("%j is %j", (input, expected) => {
		expect(resolveInput(input, system("linux"))).toBe(expected);
	});

	test.each([
		["a\\b", "D:/work/a/b"],
		["C:\\x\\", "C:/x/"],
		["C:/x/../y", "C:/y"],
		["~\\data", "C:/Users/ann/data"],
		["\\\\server\\share\\x", "//server/share/x"],
	])("%j is %j on Windows", (input, expected) => {
		expect(resolveInput(input, system("win32"))).toBe(expected);
	});

	test("resolves links in the longest part that exists", () => {
		const linked = system("linux", { "/": "/", "/work": "/mnt/work", "/work/link": "/data/real" });
		expect(resolveInput("link/new/file", linked)).toBe("/data/real/new/file");
		expect(resolveInput("link/", linked)).toBe("/data/real/");
		expect(resolveInput("other", linked)).toBe("/mnt/work/other");
		expect(resolveInput("/else", linked)).toBe("/else");
	});
});

describe("slashed()", () => {
	test("changes backslashes on Windows only", () => {
		expect(slashed("C:\\a\\b", "win32")).toBe("C:/a/b");
		expect(slashed("/a\\b", "linux")).toBe("/a\\b");
	});
});
