/** A fenced code block of a Markdown file. */
export type CodeBlock = { readonly language: string; readonly text: string; readonly line: number };

/** The fenced code blocks of a Markdown text, in order; `line` counts from 1. */
export function codeBlocks(markdown: string): CodeBlock[] {
	const blocks: CodeBlock[] = [];
	let open: { language: string; line: number; lines: string[] } | undefined;
	for (const [index, line] of markdown.split("\n").entries()) {
		const fence = /^```(.*)$/.exec(line);
		if (!fence) open?.lines.push(line);
		else if (open) {
			blocks.push({ language: open.language, line: open.line, text: open.lines.join("\n") });
			open = undefined;
		} else open = { language: fence[1] ?? "", line: index + 1, lines: [] };
	}
	if (open) throw new Error(`the code block of line ${open.line} has no end`);
	return blocks;
}
