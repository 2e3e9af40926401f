import picomatch from "picomatch";
import { describe, expect, it } from "vitest";
import { filesOf, tiers } from "../../scripts/tiers.mjs";
import { readRepositoryFile, repositoryFiles } from "../support/repository.ts";

type LockedPackage = { hasInstallScript?: boolean; resolved?: string };
type PackageDescription = { dependencies: Record<string, string>; scripts: Record<string, string> };

const files = repositoryFiles();
const here = "test/guards/repository.test.ts";
const sources = files.filter((path) => /\.(ts|mjs|js)$/.test(path));

function filesWith(pattern: RegExp, among: readonly string[]): string[] {
	return among.filter((path) => pattern.test(readRepositoryFile(path)));
}

describe("package-lock.json", () => {
	const { packages } = JSON.parse(readRepositoryFile("package-lock.json")) as {
		packages: Record<string, LockedPackage>;
	};

	it("holds no package with an install script", () => {
		expect(Object.keys(packages).filter((name) => packages[name]?.hasInstallScript)).toEqual([]);
	});

	it("names no host", () => {
		expect(Object.keys(packages).filter((name) => packages[name]?.resolved !== undefined)).toEqual([]);
	});
});

describe("package.json", () => {
	const description = JSON.parse(readRepositoryFile("package.json")) as PackageDescription;

	it("depends at run time on these packages and no others", () => {
		expect(Object.keys(description.dependencies)).toEqual([
			"@clack/prompts",
			"ignore",
			"picomatch",
			"undici",
			"valibot",
			"yaml",
		]);
	});

	it("runs nothing when it is installed", () => {
		const hooks = ["preinstall", "install", "postinstall", "prepare"];
		expect(hooks.filter((hook) => hook in description.scripts)).toEqual([]);
	});
});

describe("the source", () => {
	it("has no test that is focused, left out or still to be written", () => {
		expect(filesWith(/\b(it|test|describe)\.(only|skip|todo|skipIf|runIf)\b/, sources)).toEqual([]);
	});

	it("has no marks of unfinished work", () => {
		const text = files.filter((path) => /\.(ts|mjs|js|py|sh|md)$/.test(path) && path !== here);
		expect(filesWith(/\b(TODO|FIXME|XXX|HACK)\b/, text)).toEqual([]);
	});

	it("switches no check of the compiler off", () => {
		expect(
			filesWith(
				/@ts-(ignore|nocheck|expect-error)|eslint-disable(?!-next-line \S+ -- )/,
				sources.filter((path) => path !== here),
			),
		).toEqual([]);
	});

	it("names no place of one particular machine", () => {
		const text = files.filter((path) => !path.startsWith("test/golden/") && path !== here);
		expect(filesWith(/\/(work|root)\/(main|shared|\.)|registry\.npmjs\.org|pythonhosted/, text)).toEqual([]);
	});
});

it("every test file belongs to exactly one tier, not counting runs with other Node releases", () => {
	const names = tiers.filter((tier) => tier.include && !tier.everyNode).map((tier) => tier.name);
	const tests = files.filter((path) => path.endsWith(".test.ts"));
	const matches = (path: string, globs: readonly string[]) => picomatch.isMatch(path, [...globs]);
	const owners = (path: string) =>
		names.filter((name) => {
			const { include, exclude } = filesOf(name);
			return matches(path, include) && !matches(path, exclude);
		});
	expect(tests.filter((path) => owners(path).length !== 1)).toEqual([]);
});
