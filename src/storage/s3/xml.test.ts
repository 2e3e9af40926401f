import fc from "fast-check";
import { expect, test } from "vitest";
import { childText, parseXml, XmlSyntaxError } from "./xml.ts";

test("parseXml() reads elements, attributes, comments, instructions and literal text", () => {
	const root = parseXml(
		'\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- a < comment -->\n' +
			"<s3:List xmlns:s3=\"http://x/\" other='>'><Key>a &lt;b&gt; &amp;amp; &#233;&#x1F600;</Key>" +
			"<Empty/><Key2><![CDATA[<raw> & ]]>text</Key2></s3:List>\n",
	);
	expect(root.name).toBe("List");
	expect(childText(root, "Key")).toBe("a <b> &amp; é\u{1f600}");
	expect(childText(root, "Empty")).toBe("");
	expect(childText(root, "Key2")).toBe("<raw> & text");
	expect(childText(root, "None")).toBeUndefined();
});

test.each([
	"",
	"text",
	"<a>",
	"<a></b>",
	"<a></a><b></b>",
	"<a/>x",
	"</a>",
	"<a b></a>",
	'<a b="<"></a>',
	"<a>&unknown;</a>",
	"<a>&constructor;</a>",
	"<a>& b</a>",
	"<a>&#0;</a>",
	"<a>&#xD800;</a>",
	"<a>&#x110000;</a>",
	"<a><!-- never ends</a>",
	"<a><![CDATA[never ends</a>",
	"<a><",
	'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
	'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
	"<a>".repeat(100) + "</a>".repeat(100),
])("parseXml() refuses %j", (text) => {
	expect(() => parseXml(text)).toThrow(XmlSyntaxError);
});

test("parseXml() gives a document or XmlSyntaxError, whatever it is given", () => {
	const piece = fc.constantFrom(
		"<a>",
		"</a>",
		"<b/>",
		"&lt;",
		"&",
		"<",
		">",
		"<!--",
		"-->",
		"x",
		'"',
		"<?",
		"?>",
	);
	fc.assert(
		fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
			try {
				expect(parseXml(pieces.join("")).name).toBeTypeOf("string");
			} catch (error) {
				expect(error).toBeInstanceOf(XmlSyntaxError);
			}
		}),
		{ numRuns: 500 },
	);
});

test("parseXml() takes time in proportion to what it reads", () => {
	const text = `<a>${"<k>x</k>".repeat(100_000)}</a>`;
	expect(parseXml(text).children).toHaveLength(100_000);
	for (const hostile of [
		`<a ${"b ".repeat(100_000)}`,
		`<a${" b='c'".repeat(50_000)}`,
		`<${"a".repeat(200_000)}`,
	]) {
		const start = performance.now();
		expect(() => parseXml(hostile)).toThrow(XmlSyntaxError);
		expect(performance.now() - start).toBeLessThan(2_000);
	}
});
