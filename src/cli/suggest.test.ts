import { expect, it } from "vitest";
import { suggest } from "./suggest.ts";

const commands = ["push", "install", "list", "config get"];

it("suggest() finds the candidate that begins so, or one at most two slips away", () => {
	expect(suggest("inst", commands)).toBe("install");
	expect(suggest("psuh", commands)).toBe("push");
	expect(suggest("lost", commands)).toBe("list");
	expect(suggest("PUSH", commands)).toBe("push");
	expect(suggest("intsal", commands)).toBe("install");
});

it("suggest() stays silent when nothing is near", () => {
	expect(suggest("frobnicate", commands)).toBeUndefined();
	expect(suggest("x", commands)).toBeUndefined();
	expect(suggest("", commands)).toBeUndefined();
});
