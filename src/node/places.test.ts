import { expect, it } from "vitest";
import { findPlaces } from "./places.ts";

it("findPlaces() uses quilt3's folders on Linux, macOS and Windows", () => {
	expect(findPlaces({}, "linux", "/home/ann")).toEqual({
		data: "/home/ann/.local/share/Quilt",
		cache: "/home/ann/.cache/Quilt/v0",
		baleData: "/home/ann/.local/share/bale",
		baleCache: "/home/ann/.cache/bale",
	});
	expect(findPlaces({}, "darwin", "/Users/ann")).toMatchObject({
		data: "/Users/ann/Library/Application Support/Quilt",
		cache: "/Users/ann/Library/Caches/Quilt/v0",
	});
	expect(
		findPlaces({ LOCALAPPDATA: "C:\\Users\\ann\\AppData\\Local" }, "win32", "C:\\Users\\ann"),
	).toMatchObject({
		data: "C:\\Users\\ann\\AppData\\Local\\QuiltData\\Quilt",
		cache: "C:\\Users\\ann\\AppData\\Local\\QuiltData\\Quilt\\Cache\\v0",
	});
});

it("findPlaces() honours absolute XDG variables and ignores relative ones", () => {
	expect(findPlaces({ XDG_DATA_HOME: "/d", XDG_CACHE_HOME: "/c" }, "linux", "/home/ann")).toMatchObject({
		data: "/d/Quilt",
		cache: "/c/Quilt/v0",
		baleData: "/d/bale",
	});
	expect(findPlaces({ XDG_DATA_HOME: "d" }, "linux", "/home/ann").data).toBe("/home/ann/.local/share/Quilt");
	expect(findPlaces({ BALE_DATA_DIR: "/own" }, "linux", "/home/ann").baleData).toBe("/own");
});
