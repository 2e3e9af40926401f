/** Horizontal bars of CPU time as multiples of each scenario's base, on a logarithmic scale. */

const [right, rowHeight, titleHeight, barsWidth, letterWidth] = [60, 20, 28, 520, 6.4];

/** An SVG of the scenarios of one group. */
export function plot(results) {
	const shown = results.map(bars).filter(({ rows }) => rows.length > 0);
	const all = shown.flatMap(({ rows }) => rows);
	const ratios = all.map(({ ratio }) => ratio);
	const low = Math.min(0.5, ...ratios) * 0.8;
	const high = Math.max(2, ...ratios) * 1.2;
	const left = 20 + Math.round(letterWidth * Math.max(0, ...all.map(({ label }) => label.length)));
	const width = left + barsWidth + right;
	const x = (ratio) => left + (barsWidth * Math.log(ratio / low)) / Math.log(high / low);
	const parts = [`<text x="10" y="16" fill="#52606d">CPU time beside the base</text>`];
	let y = 24;
	for (const { title, rows } of shown) {
		parts.push(`<text x="10" y="${y + 16}" font-weight="bold">${escape(title)}</text>`);
		y += titleHeight;
		for (const { label, ratio, own } of rows) {
			const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
			parts.push(
				`<text x="${left - 8}" y="${y + 14}" text-anchor="end">${escape(label)}</text>`,
				`<rect x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="${rowHeight - 6}" fill="${own ? "#1769aa" : "#9aa5b1"}"/>`,
				`<text x="${(to + 5).toFixed(1)}" y="${y + 14}">${ratio < 0.1 ? ratio.toFixed(3) : ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)}</text>`,
			);
			y += rowHeight;
		}
		y += 10;
	}
	const axes = [0.01, 0.1, 1, 10, 100, 1000]
		.filter((ratio) => ratio > low && ratio < high)
		.map(
			(ratio) =>
				`<line x1="${x(ratio).toFixed(1)}" y1="22" x2="${x(ratio).toFixed(1)}" y2="${y}" stroke="${ratio === 1 ? "#52606d" : "#e4e7eb"}"/>` +
				`<text x="${x(ratio).toFixed(1)}" y="16" text-anchor="middle" fill="#52606d">${ratio} ×</text>`,
		);
	return (
		`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 4}" viewBox="0 0 ${width} ${y + 4}" ` +
		`font-family="sans-serif" font-size="12" fill="#1f2933"><rect width="100%" height="100%" fill="#ffffff"/>` +
		`${axes.join("")}${parts.join("")}</svg>\n`
	);
}

function bars(result) {
	const base = result.rows.find(({ id, cpu }) => id === result.base && cpu !== undefined);
	const rows = base === undefined ? [] : result.rows.filter(({ cpu }) => cpu !== undefined);
	return {
		title: `${result.name}: ${result.title}${result.scale === 1 ? "" : ` (scale ${result.scale})`}`,
		rows: rows.map((row) => ({
			label: row.label,
			ratio: row.cpu.median / base.cpu.median,
			own: row.label.startsWith("bale"),
		})),
	};
}

function escape(text) {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
