/** Runs one call of the command line: finds the command, loads it, prints what it reports, exits. */
import { BaleError } from "../core/errors.ts";
import type { CommandSpec } from "./command.ts";
import { paintFor } from "./color.ts";
import { hasGlobalFlag, parseLine } from "./options.ts";
import { StandardStream } from "./standard-stream.ts";
import { matchCommand, suggestCommand } from "./table.ts";

/** What one call prints to. `closed` fires when whoever reads it has gone; that is no error. */
type Streams = {
	readonly stdout: StandardStream;
	readonly stderr: StandardStream;
	readonly closed: AbortSignal;
};

/** Runs `args` and ends the process with the exit code of the outcome. */
export async function main(args: readonly string[]): Promise<void> {
	// For a process that ends while it waits for something that never comes; Node's own code for that.
	process.exitCode = 13;
	const streams = standardStreams();
	process.on("uncaughtException", (error) => {
		void fail(error, args, streams).then((code) => process.exit(code));
	});
	const exitCode = await runLine(args, streams);
	// Node tells warnings a moment after they were given.
	await new Promise((resolve) => setImmediate(resolve));
	await streams.stdout.drained();
	await streams.stderr.drained();
	process.exit(exitCode);
}

async function runLine(args: readonly string[], streams: Streams): Promise<number> {
	try {
		const { leading, words } = splitLeadingFlags(args);
		if (words.length === 0) return await showOverview(leading, streams);
		const matched = matchCommand(words);
		if (matched === undefined) throw unknownCommand(words);
		const rest = [...matched.rest, ...leading];
		const end = rest.indexOf("--");
		const { options } = parseLine(matched.spec, end === -1 ? rest : rest.slice(0, end), true);
		if (options.flag("help")) return await showHelp(matched.spec, options.flag("no-color"), streams);
		return await runCommand(matched.spec, [...leading, ...matched.rest], streams);
	} catch (error) {
		if (streams.closed.aborted) return 0;
		return await fail(error, args, streams);
	}
}

async function fail(error: unknown, args: readonly string[], streams: Streams): Promise<number> {
	const { reportFailure } = await import("./failure.ts");
	return await reportFailure(error, streams, {
		debug: hasGlobalFlag(args, "debug"),
		json: hasGlobalFlag(args, "json"),
		noColor: hasGlobalFlag(args, "no-color"),
	});
}

async function runCommand(spec: CommandSpec, args: readonly string[], streams: Streams): Promise<number> {
	const { closed } = streams;
	const { words, options } = parseLine(spec, args);
	const { aborted, interruption } = await import("./interruption.ts");
	const { createOutput } = await import("./terminal.ts");
	const { printReport } = await import("./report.ts");
	const signal = interruption(spec.writes === true ? undefined : closed);
	const output = createOutput(options, streams);
	const { run } = await spec.load();
	try {
		if (words.some((word) => /\?endpoint=/i.test(word))) {
			const { checkNamedEndpoints } = await import("./named-endpoint.ts");
			await checkNamedEndpoints(words);
		}
		const report = await run({ spec, words, options, output, signal, env: process.env });
		await printReport(spec, report, output);
		await report.running?.();
		return report.exitCode ?? 0;
	} catch (error) {
		if (closed.aborted && spec.writes !== true) return 0;
		throw signal.aborted && !(error instanceof BaleError) ? aborted() : error;
	} finally {
		output.settle();
	}
}

/** Options of every command may also stand before its name. */
function splitLeadingFlags(args: readonly string[]): {
	leading: readonly string[];
	words: readonly string[];
} {
	const first = args.findIndex((word) => !word.startsWith("-") || word === "-");
	return first === -1
		? { leading: args, words: [] }
		: { leading: args.slice(0, first), words: args.slice(first) };
}

async function showOverview(flags: readonly string[], streams: Streams): Promise<number> {
	const { overview } = await import("./help.ts");
	const wanted = flags.includes("--help") || flags.includes("-h");
	const unknown = flags.find((flag) => !["--help", "-h", "--no-color", "--quiet", "-q"].includes(flag));
	if (!wanted && unknown !== undefined) {
		throw new BaleError("InvalidArgument", `bale has no option ${unknown} without a command`, {
			hint: 'See "bale --help"',
		});
	}
	const stream = wanted ? streams.stdout : streams.stderr;
	stream.write(overview(paintFor(stream.isTTY, process.env, flags.includes("--no-color"))));
	return wanted ? 0 : 2;
}

async function showHelp(spec: CommandSpec, noColor: boolean, { stdout }: Streams): Promise<number> {
	const { commandHelp } = await import("./help.ts");
	stdout.write(commandHelp(spec, paintFor(stdout.isTTY, process.env, noColor)));
	return 0;
}

function unknownCommand(words: readonly string[]): BaleError {
	const [word = ""] = words;
	const close = suggestCommand(word);
	return new BaleError("InvalidArgument", `bale has no command "${word}"`, {
		hint: close === undefined ? 'See "bale --help"' : `Did you mean "bale ${close}"?`,
	});
}

function standardStreams(): Streams {
	const controller = new AbortController();
	const gone = (error: Error): void => controller.abort(error);
	return {
		stdout: new StandardStream(1, gone),
		stderr: new StandardStream(2, gone),
		closed: controller.signal,
	};
}
