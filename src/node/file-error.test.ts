import { describe, expect, test } from "vitest";
import { BaleError } from "../core/errors.ts";
import { errnoOf, fileError, workError } from "./file-error.ts";

const systemError = (code: string): Error => Object.assign(new Error(`${code}: native text`), { code });

describe("fileError()", () => {
	test.each([
		["ENOSPC", "NoSpace"],
		["EDQUOT", "NoSpace"],
		["EACCES", "AccessDenied"],
		["EPERM", "AccessDenied"],
		["EROFS", "AccessDenied"],
		["ENOENT", "ObjectNotFound"],
		["EISDIR", "NotAFile"],
		["ENAMETOOLONG", "UnportableKey"],
		["EIO", "StoreUnavailable"],
		["EMFILE", "StoreUnavailable"],
		["EWHATEVER", "StoreUnavailable"],
	])("%s is %s, with the path and the cause", (errno, code) => {
		const cause = systemError(errno);
		const error = fileError(cause, "write", "/a/b");
		expect(error).toMatchObject({ code, details: { path: "/a/b", errno }, cause });
		expect(error.message).toMatch(/^Cannot write "\/a\/b": [a-z]/);
		expect(error.message).not.toContain("native text");
	});

	test("hands on what is a BaleError already", () => {
		const error = new BaleError("Conflict", "x");
		expect(fileError(error, "write", "/a")).toBe(error);
	});

	test("does not take a mistake for the system's fault", () => {
		expect(fileError(new TypeError("x is undefined"), "write", "/a")).toMatchObject({ code: "Unexpected" });
		expect(errnoOf(new TypeError("x"))).toBeUndefined();
		expect(errnoOf("ENOENT")).toBeUndefined();
	});
});

describe("workError()", () => {
	test.each([
		["changed", "SourceChanged"],
		["missing", "ObjectNotFound"],
		["not-a-file", "NotAFile"],
		["mismatch", "IntegrityMismatch"],
		["exists", "DestinationConflict"],
		["aborted", "Aborted"],
	] as const)("%s is %s", (reason, code) => {
		expect(workError({ reason, path: "/a", state: "it is so" }, "copy")).toMatchObject({ code });
	});

	test("a system failure keeps its number", () => {
		const failure = { reason: "system", path: "/a", state: "native", errno: "ENOSPC" } as const;
		expect(workError(failure, "copy")).toMatchObject({ code: "NoSpace", details: { errno: "ENOSPC" } });
	});
});
