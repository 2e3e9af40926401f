import { Lanes } from "../storage/lanes.ts";

/** One for the process: what is far away, or busy, is nearly always one service. */
export const lanes = new Lanes();
