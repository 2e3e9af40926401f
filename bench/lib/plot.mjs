/** Horizontal bars of CPU time as multiples of each scenario's base, on a logarithmic scale. */

const [width, left, right, rowHeight, titleHeight] = [860, 250, 70, 20, 34];

/** An SVG of the scenarios of one group. */
export function plot(results) {
	const shown = results.map(bars).filter(({ rows }) => rows.length > 0);
	const ratios = shown.flatMap(({ rows }) => rows.map(({ ratio }) => ratio));
	const low = Math.min(0.5, ...ratios) * 0.8;
	const high = Math.max(2, ...ratios) * 1.2;
	const x = (ratio) => left + ((width - left - right) * Math.log(ratio / low)) / Math.log(high / low);
	const parts = [];
	let y = 10;
	for (const { title, rows } of shown) {
		parts.push(`<text x="10" y="${y + 16}" font-weight="bold">${escape(title)}</text>`);
		y += titleHeight - 8;
		for (const { label, ratio, own } of rows) {
			const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
			parts.push(
				`<text x="${left - 8}" y="${y + 14}" text-anchor="end">${escape(label)}</text>`,
				`<rect x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="${rowHeight - 6}" fill="${own ? "#1769aa" : "#9aa5b1"}"/>`,
				`<text x="${(to + 5).toFixed(1)}" y="${y + 14}">${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)}</text>`,
			);
			y += rowHeight;
		}
		y += 12;
	}
	const axis = `<line x1="${x(1).toFixed(1)}" y1="6" x2="${x(1).toFixed(1)}" y2="${y}" stroke="#52606d" stroke-dasharray="3 3"/>`;
	return (
		`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 10}" viewBox="0 0 ${width} ${y + 10}" ` +
		`font-family="sans-serif" font-size="12" fill="#1f2933"><rect width="100%" height="100%" fill="#ffffff"/>` +
		`${axis}${parts.join("")}</svg>\n`
	);
}

function bars(result) {
	const base = result.rows.find(({ id, cpu }) => id === result.base && cpu !== undefined);
	const rows = base === undefined ? [] : result.rows.filter(({ cpu }) => cpu !== undefined);
	return {
		title: `${result.title}: CPU time`,
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
