/** Folder of the build that the tests of the project `faults` load. */
export declare const faultFolder: string
/** Builds it, unless CELERIS_NATIVE_DIR names another one. */
export declare function setup(): void
