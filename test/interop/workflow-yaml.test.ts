import { expect, it } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import { YamlOther, type YamlKey, type YamlValue } from "../../src/core/workflow/config.ts";
import { parseYaml } from "../../src/registry/workflow-yaml.ts";
import { judge } from "./judge.ts";

/** As `judge.py` shows values. */
function plain(value: YamlValue): unknown {
	if (value instanceof YamlOther) return "<other>";
	if (Array.isArray(value)) return (value as readonly YamlValue[]).map(plain);
	if (!(value instanceof Map)) return value;
	const members = [...(value as ReadonlyMap<YamlKey, YamlValue>)];
	return Object.fromEntries(members.map(([key, member]) => [keyText(key), plain(member)]));
}

function keyText(key: YamlKey): string {
	if (typeof key === "string") return key;
	return key instanceof YamlOther ? "<<other>>" : `<${pythonWords.get(key) ?? ""}>`;
}

const pythonWords = new Map<unknown, string>([
	[true, "True"],
	[false, "False"],
	[null, "None"],
]);

/** Undefined: it is refused. */
function ours(text: string): unknown {
	try {
		return plain(parseYaml(text, "the test"));
	} catch (error) {
		if (!isBaleError(error, "InvalidWorkflow")) throw error;
		return undefined;
	}
}

const scalars = [
	..."y n Y N yes no Yes No YES NO yEs on off On Off ON OFF oN true false True False TRUE FALSE tRue null Null NULL nULL ~".split(
		" ",
	),
	..."0 1 -1 +1 01 08 0o7 0x1F 0xg 0b11 0b12 1_000 1__0 _1 1: 1:30 190:20:30 1.0 .5 5. 1e3 1e+3 1.0e3 1.0e+3 1.5E-3 .inf -.Inf .NaN .nan inf nan 1.2.3".split(
		" ",
	),
	..."2026-01-01 2026-1-1 2026-01-01T10:00:00Z 2026-01-01t10:00:00 2026-01-01X".split(" "),
	..."'yes' \"no\" '1' \"1.0\" a:b a#b a,b -a :a ?a @a `a %a &a *a !a |a >a [a {a =a <a <<".split(" "),
	"2026-01-01 10:00:00 +1",
	"a #b",
	"a b",
	"'it''s'",
	'"\\x41\\u00e9\\n"',
	'"\\q"',
	"!!str 1",
	"!!int '1'",
	"!!bool yes",
	"!!null ''",
	"!!float 1.5",
	"! 1",
	"^lab/(raw|clean)$",
	"<%= username %>/",
	"é",
	"😀",
];

const documents = [
	"",
	"---",
	"--- a",
	"a",
	"a: 1\n---\nb: 2",
	"a: 1\n...",
	"# only a comment",
	"[]",
	"{}",
	"- a\n- b",
	"a:\n- b\n- c",
	"a:\n  - b\n",
	"a: 1\na: 2",
	"{a: 1, a: 2}",
	"a: {b: c}\nd: [e, f]",
	"{a, b: c}",
	"{a: , b}",
	"[a, , b]",
	"[a,]",
	"a: |\n  x\n  y\n",
	"a: >\n  x\n  y\n",
	"a: >-\n  x\n\n  y\n",
	"a: |+\n  x\n\n",
	"2: a\nyes: c\nnull: d",
	"? a\n: b",
	"? [a]\n: b",
	"[a]: b",
	"{a: b}: c",
	"x: &a {b: 1}\ny: *a",
	"x: &a 1\ny: *b",
	"a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3",
	"a: &x {p: 1}\nc: &y {p: 2, r: 3}\nb: {<<: [*x, *y]}",
	"b: {<<: 1}",
	"b: {<<: [1]}",
	"b: {'<<': {c: 1}}",
	"<<: {a: 1}\nb: 2",
	"a: !foo b",
	"!!python/object/apply:os.system [ls]",
	"a: !!set {b}",
	"%YAML 1.1\n---\na: yes",
	"a: b: c",
	"a:\n\tb: c",
	"\ta: b",
	"a: b\n c: d",
	"a:\n  b: c\n d: e",
	" a: b\n c: d",
	"a: 'x",
	'a: "x',
	"a: [b",
	"a: {b",
	"a: ]",
	"a: }",
	"\uFEFFa: b",
	"a: b\r\nc: d\r\n",
	'a: "x\n  y"',
	"a: x\n  y",
	"a: - b",
	"-a: b",
	"a : b",
	"a:b",
	"'a': b",
	'"a": b',
	"a: 'b' c",
	"a: =",
	"a: \u0001",
	"a: \u007f",
	"a: \u00a0",
	'version: "1"\nworkflows:\n  w:\n    name: W # title\n',
];

/** Edges of the syntax where the parser reads YAML 1.2: colons and question marks that touch what follows. */
const otherSyntax = new Set(["&a: a", "[:a, x]", "[?a, x]"]);

/** bale refuses what it has no use for, and quilt3's configuration cannot be: see docs/deviations.md. */
const refusedHere = new Set(["a: !!set {b}"]);

it("YAML is read as PyYAML's safe_load reads it", () => {
	const texts = [
		...documents,
		...scalars.map((scalar) => `a: ${scalar}`),
		...scalars.map((scalar) => `${scalar}: a`),
		...scalars.map((scalar) => `[${scalar}, x]`),
	];
	const kept = texts.filter((text) => !otherSyntax.has(text));
	const theirs = judge({ yaml: kept }).yaml;
	expect(theirs.length).toBe(kept.length);
	const different = kept.flatMap((text, i) => {
		const python = theirs[i] ?? undefined;
		const expected: unknown = python === undefined || refusedHere.has(text) ? undefined : JSON.parse(python);
		const mine = ours(text);
		return JSON.stringify(mine) === JSON.stringify(expected) ? [] : [{ text, mine, expected }];
	});
	expect(different).toEqual([]);
	expect(theirs.filter((one) => one !== null).length).toBeGreaterThan(200);
});
