/**
 * Reads the XML documents that S3 servers send: elements and text. Attributes are skipped, prefixes of
 * names are dropped. Declarations of types and entities are refused, so that no document can grow while it
 * is read.
 */
export type XmlElement = {
	readonly name: string;
	/** Text directly inside the element, entities resolved. */
	readonly text: string;
	readonly children: readonly XmlElement[];
};

/** What is no well-formed document of the kind that S3 servers send. */
export class XmlSyntaxError extends SyntaxError {}

const maxDepth = 32;
const namePattern = "[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?";
const attribute = `\\s+${namePattern}\\s*=\\s*(?:"[^"<]*"|'[^'<]*')`;
const openTag = new RegExp(`<(${namePattern})((?:${attribute})*)\\s*(/?)>`, "y");
const closeTag = new RegExp(`</(${namePattern})\\s*>`, "y");
const reference = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([A-Za-z]{2,4}));|&/g;
const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

type Open = { readonly name: string; text: string; readonly children: XmlElement[] };

/** The root element of a document. Throws `XmlSyntaxError`. */
export function parseXml(document: string): XmlElement {
	let at = document.startsWith("\ufeff") ? 1 : 0;
	const open: Open[] = [];
	let root: XmlElement | undefined;
	while (at < document.length) {
		const mark = document.indexOf("<", at);
		const text = document.slice(at, mark < 0 ? document.length : mark);
		if (text !== "") {
			const parent = open.at(-1);
			if (parent !== undefined) parent.text += resolveReferences(text);
			else if (text.trim() !== "") throw fault("text outside of the root element");
		}
		if (mark < 0) break;
		at = mark;
		const skipped = skipSpecial(document, at, open.at(-1));
		if (skipped !== undefined) {
			at = skipped;
			continue;
		}
		closeTag.lastIndex = at;
		const closing = closeTag.exec(document);
		if (closing !== null) {
			const element = open.pop();
			if (element?.name !== localName(closing[1])) throw fault("an end tag that closes nothing");
			const parent = open.at(-1);
			if (parent === undefined) root = element;
			else parent.children.push(element);
			at = closeTag.lastIndex;
			continue;
		}
		openTag.lastIndex = at;
		const opening = openTag.exec(document);
		if (opening === null) throw fault("a malformed tag");
		if (root !== undefined) throw fault("a second root element");
		at = openTag.lastIndex;
		const element: Open = { name: localName(opening[1]), text: "", children: [] };
		if (opening[3] !== "/") {
			open.push(element);
			if (open.length > maxDepth) throw fault(`elements deeper than ${maxDepth}`);
			continue;
		}
		const parent = open.at(-1);
		if (parent === undefined) root = element;
		else parent.children.push(element);
	}
	if (open.length > 0 || root === undefined) throw fault("the document breaks off");
	return root;
}

/** Text of the first child called `name`, or undefined. */
export function childText(element: XmlElement, name: string): string | undefined {
	return element.children.find((child) => child.name === name)?.text;
}

/** The position after a comment, an instruction or literal text; undefined when there is none. */
function skipSpecial(document: string, at: number, parent: Open | undefined): number | undefined {
	const past = (start: string, end: string): number | undefined => {
		if (!document.startsWith(start, at)) return undefined;
		const found = document.indexOf(end, at + start.length);
		if (found < 0) throw fault("the document breaks off");
		return found + end.length;
	};
	const literal = past("<![CDATA[", "]]>");
	if (literal !== undefined) {
		if (parent === undefined) throw fault("text outside of the root element");
		parent.text += document.slice(at + 9, literal - 3);
		return literal;
	}
	const skipped = past("<!--", "-->") ?? past("<?", "?>");
	if (skipped === undefined && document.startsWith("<!", at)) throw fault("a declaration");
	return skipped;
}

function resolveReferences(text: string): string {
	if (!text.includes("&")) return text;
	return text.replace(
		reference,
		(_all, decimal: string | undefined, hex: string | undefined, name: string | undefined) => {
			if (name !== undefined) {
				const value = Object.hasOwn(named, name) ? named[name] : undefined;
				if (value === undefined) throw fault("an unknown entity");
				return value;
			}
			const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
			if (!(code > 0 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) {
				throw fault("a malformed reference");
			}
			return String.fromCodePoint(code);
		},
	);
}

function localName(name: string | undefined): string {
	return (name ?? "").replace(/^.*:/, "");
}

function fault(what: string): XmlSyntaxError {
	return new XmlSyntaxError(`not a document of S3: ${what}`);
}
