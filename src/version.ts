import manifest from "../package.json" with { type: "json" };

/** The version of this larder, as `larder --version` prints it. */
export const version: string = manifest.version;
