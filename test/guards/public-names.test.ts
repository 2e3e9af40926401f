import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { root } from "../support/repository.ts";

/** What a module exports, values and types, as the compiler sees it. */
function exportedNames(path: string): string[] {
	const file = join(root, path);
	const options = { module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: ["node"] };
	const program = ts.createProgram([file], options);
	const checker = program.getTypeChecker();
	const source = program.getSourceFile(file);
	const module = source && checker.getSymbolAtLocation(source);
	if (!module) throw new Error(`${path} is no module: run "npm run build"`);
	return checker.getExportsOfModule(module).map((symbol) => {
		const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
		return `${symbol.name}${target.flags & ts.SymbolFlags.Value ? "" : " (type)"}`;
	});
}

/** A change here is a change of the public interface: say so in the changelog. */
it.each([
	["dist/index.d.ts", "index"],
	["dist/browser.d.ts", "browser"],
])("%s exports the names that are written down, and no others", async (path, name) => {
	const names = exportedNames(path).toSorted((a, b) => a.localeCompare(b, "en"));
	await expect(`${names.join("\n")}\n`).toMatchFileSnapshot(`names/${name}.txt`);
});

it("the declarations compile without the types of Node, as in a project that has none", () => {
	const program = ts.createProgram([join(root, "dist/index.d.ts"), join(root, "dist/browser.d.ts")], {
		module: ts.ModuleKind.NodeNext,
		target: ts.ScriptTarget.ES2023,
		lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
		strict: true,
		noEmit: true,
		skipLibCheck: false,
		types: [],
	});
	const texts = ts
		.getPreEmitDiagnostics(program)
		.map(
			({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
		);
	expect(texts).toEqual([]);
});
