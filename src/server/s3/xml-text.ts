/** Writes the documents that S3 answers with. */

/** What an element holds: text, or its children in order; members that are undefined are left out. */
export type XmlContent = string | number | boolean | readonly XmlMember[];
export type XmlMember = readonly [name: string, content: XmlContent | undefined];

/** What a document begins with. */
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>';

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/** A whole document with S3's namespace. */
export function formatXml(name: string, content: XmlContent): string {
	return `${xmlDeclaration}\n${element(name, content, ` xmlns="${namespace}"`)}`;
}

/** The document of a failure, which has no namespace. */
export function formatError(
	code: string,
	message: string,
	more: { readonly resource: string; readonly requestId: string },
): string {
	return `${xmlDeclaration}\n${element("Error", [
		["Code", code],
		["Message", message],
		["Resource", more.resource],
		["RequestId", more.requestId],
	])}`;
}

function element(name: string, content: XmlContent, attributes = ""): string {
	const inner =
		typeof content === "object"
			? content.map(([child, value]) => (value === undefined ? "" : element(child, value))).join("")
			: escapeText(String(content));
	return `<${name}${attributes}>${inner}</${name}>`;
}

/** Characters that XML cannot hold are written as references all the same, as S3 does it. */
function escapeText(text: string): string {
	return text.replace(
		/[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g,
		(character) => `&#${character.charCodeAt(0)};`,
	);
}

/** A time as documents have it. */
export function formatTime(milliseconds: number): string {
	return new Date(milliseconds).toISOString();
}
