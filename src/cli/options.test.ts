import { describe, expect, it } from "vitest";
import { isBaleError } from "../core/errors.ts";
import type { CommandSpec } from "./command.ts";
import { hasGlobalFlag, parseLine } from "./options.ts";

const spec: CommandSpec = {
	name: "try",
	group: "Help",
	summary: "Try",
	arguments: [
		{ name: "NAME", what: "The name" },
		{ name: "KIND", what: "The kind", optional: true, choices: ["a", "b"] },
	],
	options: [
		{ name: "dir", short: "d", value: "DIR", what: "A folder" },
		{ name: "force", short: "f", what: "Force it" },
		{ name: "include", value: "GLOB", what: "Globs", repeat: true },
		{ name: "set", value: "K=V", what: "Pairs", repeat: true, variadic: true },
		{ name: "count", value: "N", what: "A number", least: 1 },
	],
	examples: [],
	schema: "bale.try/1",
	load: () => Promise.reject(new Error("not to be loaded")),
};

function refusal(args: readonly string[]): string {
	try {
		parseLine(spec, args);
	} catch (error) {
		if (isBaleError(error, "InvalidArgument")) return error.message;
		throw error;
	}
	throw new Error("it was accepted");
}

describe("parseLine()", () => {
	it("takes options before, between and after the words, in all spellings", () => {
		const { words, options } = parseLine(spec, [
			"-f",
			"n",
			"--dir=x",
			"a",
			"-d",
			"y",
			"--include",
			"1",
			"--include=2",
			"-q",
		]);
		expect(words).toEqual(["n", "a"]);
		expect(options.text("dir")).toBe("y");
		expect(options.list("include")).toEqual(["1", "2"]);
		expect([options.flag("force"), options.flag("quiet"), options.flag("json")]).toEqual([true, true, false]);
	});

	it("keeps empty values, and values that begin with a dash and are no option", () => {
		const { words, options } = parseLine(spec, ["", "--dir", "-1", "--include", ""]);
		expect(words).toEqual([""]);
		expect(options.text("dir")).toBe("-1");
		expect(options.list("include")).toEqual([""]);
	});

	it("gives the words after a variadic option to it, up to the next option", () => {
		const { words, options } = parseLine(spec, ["n", "--set", "a=1", "b=2", "--force", "a"]);
		expect(options.list("set")).toEqual(["a=1", "b=2"]);
		expect(words).toEqual(["n", "a"]);
	});

	it("takes everything after -- as words", () => {
		expect(parseLine(spec, ["--", "--force", "a"]).words).toEqual(["--force", "a"]);
	});

	it("refuses what does not fit", () => {
		expect(refusal([])).toContain("needs NAME: the name");
		expect(refusal(["n", "c"])).toContain('KIND "c" is not one of a, b');
		expect(refusal(["n", "a", "x"])).toContain('extra argument "x"');
		expect(refusal(["n", "--nope"])).toContain("has no option --nope");
		expect(refusal(["n", "--dir"])).toContain("--dir needs a value (DIR)");
		expect(refusal(["n", "--dir", "--force"])).toContain("--dir needs a value (DIR)");
		expect(refusal(["n", "--force=1"])).toContain("--force takes no value");
		for (const count of ["0", "1.5", "x", "", "99999999999999999999"]) {
			expect(refusal(["n", `--count=${count}`])).toContain("no whole number of at least 1");
		}
	});

	it("refuses nothing when it is lenient", () => {
		expect(parseLine(spec, ["--nope", "--dir", "-h"], true).options.flag("help")).toBe(true);
	});

	it("makes asking for an unknown option a TypeError", () => {
		expect(() => parseLine(spec, ["n"]).options.flag("nope")).toThrow(TypeError);
	});
});

it("hasGlobalFlag() looks before -- only", () => {
	expect(hasGlobalFlag(["x", "--json", "--", "y"], "json")).toBe(true);
	expect(hasGlobalFlag(["x", "--", "--json"], "json")).toBe(false);
	expect(hasGlobalFlag(["x", "-q"], "quiet")).toBe(true);
});
