/**
 * Telling processes apart, also after their ids were given to others and after a restart of the machine.
 * What cannot be proven is answered with "it may be alive".
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process of some machine. Fields that the system does not tell are empty. */
export type ProcessIdentity = {
	readonly pid: number;
	readonly host: string;
	/** Stays the same over restarts (`/etc/machine-id`). */
	readonly machineId: string;
	/** Changes with every start of the machine. */
	readonly bootId: string;
	/** Process ids have a meaning inside of one such namespace only (containers). */
	readonly pidNamespace: string;
	/** Clock ticks between the start of the machine and that of the process. */
	readonly startTime: string;
};

let own: ProcessIdentity | undefined;

/** The process that runs this. */
export function ownIdentity(): ProcessIdentity {
	own ??= {
		pid: process.pid,
		host: hostname(),
		machineId: firstLine("/etc/machine-id"),
		bootId: firstLine("/proc/sys/kernel/random/boot_id"),
		pidNamespace: linkTarget("/proc/self/ns/pid"),
		startTime: startTimeOf(process.pid),
	};
	return own;
}

/** Whether a process of this machine is certainly gone. */
export function processIsGone(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return error instanceof Error && "code" in error && error.code === "ESRCH";
	}
}

/**
 * Whether a process is provably dead, seen from `here`: it ran in the same process namespace since the
 * same start of the machine, and its id is free or belongs to a process that started at another time; or
 * it ran before the machine was restarted.
 */
export function isDead(other: ProcessIdentity, here: ProcessIdentity = ownIdentity()): boolean {
	if (other.host !== here.host) return false;
	if (other.bootId === here.bootId) {
		if (other.pidNamespace !== here.pidNamespace) return false;
		if (processIsGone(other.pid)) return true;
		const startTime = startTimeOf(other.pid);
		return startTime !== "" && other.startTime !== "" && startTime !== other.startTime;
	}
	const sameMachine = other.machineId !== "" && other.machineId === here.machineId;
	return sameMachine && other.bootId !== "" && here.bootId !== "";
}

/** Field 22 of `/proc/<pid>/stat`; the name in field 2 may contain anything, so counting starts behind it. */
function startTimeOf(pid: number): string {
	const stat = firstLine(`/proc/${pid}/stat`);
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return fields[19] ?? "";
}

function firstLine(path: string): string {
	try {
		return readFileSync(path, "utf8").split("\n", 1)[0] ?? "";
	} catch {
		return "";
	}
}

function linkTarget(path: string): string {
	try {
		return readlinkSync(path);
	} catch {
		return "";
	}
}
