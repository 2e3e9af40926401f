/** `node --import <this file> x.ts`: child processes of tests run the sources, whatever was built last. */
import { register } from "node:module";

register("./hooks.mjs", import.meta.url);
