import { homedir } from "node:os";
import { expect, it } from "vitest";
import { fileUrlOf } from "./file-url.ts";

it("fileUrlOf() writes the URL that Python writes for the same path", () => {
	expect(fileUrlOf("/a b/c!'()*&+[]~^%#?;:@=$,é日")).toBe(
		"file:///a%20b/c%21%27%28%29%2A%26%2B%5B%5D~%5E%25%23%3F%3B%3A%40%3D%24%2C%C3%A9%E6%97%A5",
	);
	expect(fileUrlOf("/")).toBe("file:///");
	expect(fileUrlOf("/a//b/../c")).toBe("file:///a/c");
	expect(fileUrlOf("~/x")).toBe(`${fileUrlOf(homedir())}/x`);
});
