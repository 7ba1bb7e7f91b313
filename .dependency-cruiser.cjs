// Which package may import which (docs/internals/packaging.md), and no circles anywhere.
const PACKAGE = '^packages/([^/]+)/'
const packages = (...names) => `^packages/(${names.join('|')})/`
const sources = (...names) => `^packages/(${names.join('|')})/(src|conformance)/`
const TEST = '(\\.test(-d)?\\.ts$|(^|/)test/)'

/** Sources of `from` may import no other package of ours than `allowed`. */
const only = (from, allowed) => ({
  name: `${from.join('-')}-imports-only-${allowed.join('-') || 'nothing-of-ours'}`,
  severity: 'error',
  from: { path: sources(...from), pathNot: TEST },
  to: { path: PACKAGE, pathNot: packages(...from, ...allowed) },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    only(['engine'], []),
    only(['engine-epoll'], ['engine']),
    only(['core'], ['engine']),
    only(['redis'], []),
    {
      name: 'nothing-imports-bench',
      severity: 'error',
      from: { pathNot: packages('bench') },
      to: { path: packages('bench') },
    },
    {
      name: 'test-support-is-for-tests',
      severity: 'error',
      from: { pathNot: `${TEST}|${packages('test-support')}` },
      to: { path: packages('test-support') },
    },
    {
      name: 'sources-do-not-import-their-own-index',
      severity: 'error',
      // A subpath is an entry of its own: it takes what has state from the main one, by name.
      from: { path: '^packages/([^/]+)/src/', pathNot: `${TEST}|/src/middleware\\.ts$` },
      to: { path: '^packages/$1/src/index\\.ts$' },
    },
    {
      name: 'no-undeclared-dependency',
      severity: 'error',
      from: { path: sources('.*'), pathNot: TEST },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    {
      name: 'no-development-dependency',
      severity: 'error',
      from: { path: sources('.*'), pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer', 'type-only'] },
    },
    {
      name: 'nothing-unresolvable',
      severity: 'error',
      from: { path: PACKAGE },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.tsc|build|prebuilds|native)/' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
