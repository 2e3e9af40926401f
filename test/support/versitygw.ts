/** The S3 server versitygw alone, for tests of what no server decides. */
import { startProgram } from "./s3/program.ts";
import { versitygw } from "./s3/programs.ts";
import type { S3Server } from "./s3/server.ts";

export type { S3Server };

/** Starts a server of its own for the caller, who stops it. */
export const startVersitygw = (): Promise<S3Server> => startProgram(versitygw);
