import { tmpdir } from "node:os";
import { expect, it } from "vitest";

it("tests run with a home directory below the temporary directory", () => {
	for (const name of ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"])
		expect(process.env[name]).toContain(tmpdir());
});
