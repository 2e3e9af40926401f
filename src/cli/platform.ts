/** Tells the client, before anything of it is used, that it runs on this machine. */
import { setPlatform } from "../client/runtime.ts";
import { nodePlatform } from "../node/platform.ts";

setPlatform(nodePlatform());
