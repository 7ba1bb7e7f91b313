/**
 * Loads the native addon: from `$CELERIS_NATIVE_DIR/engine-epoll/celeris.node` if that file exists
 * (bundles that moved the binaries), else a build made on this machine, else the prebuilt binary.
 * Throws when there is none for this platform.
 */
declare function openAddon(): unknown
export default openAddon
