import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, rename } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { cacheFolder } from '../cache-folder.ts'
import { BenchError } from '../errors.ts'
import { packageRoot } from '../package-root.ts'
import { buildOnce, C_CURE, compilerName } from './compile.ts'

/** The engine's addon over a kernel in memory, and the counter of native allocations. */
export interface InProcessAddon {
  /** Folder for `CELERIS_NATIVE_DIR`. */
  readonly folder: string
  /** Library for `LD_PRELOAD`. */
  readonly allocations: string
}

// Those of the engine's binding.gyp, and what node-gyp adds to them.
const FLAGS = [
  '-std=c++20',
  '-O2',
  '-fPIC',
  '-pthread',
  '-fno-exceptions',
  '-fno-rtti',
  '-fno-omit-frame-pointer',
  '-fvisibility=hidden',
  '-ffunction-sections',
  '-fdata-sections',
  '-DNAPI_VERSION=8',
]

// System calls and Node-API calls that native/in-process/kernel.cc stands in for.
const WRAPPED = [
  'epoll_ctl',
  'epoll_wait',
  'accept4',
  'close',
  'setsockopt',
  'syscall',
  'sendmsg',
  'napi_open_handle_scope',
  'napi_make_callback',
]

const LINK_FLAGS = [
  '-shared',
  '-Wl,-z,now',
  '-Wl,-z,relro',
  '-Wl,--gc-sections',
  ...WRAPPED.map((name) => `-Wl,--wrap=${name}`),
]

const own = (file: string): string => join(packageRoot, 'native', 'in-process', file)

const filesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true }))
    .filter((file) => /\.(cc|h)$/.test(file))
    .sort()
    .map((file) => join(folder, file))

const nodeHeaders = (): string => {
  const found = [process.env.npm_config_nodedir, dirname(dirname(process.execPath))]
    .map((prefix) => join(prefix ?? '', 'include', 'node'))
    .find((folder) => existsSync(join(folder, 'node_api.h')))
  if (found) return found
  throw new BenchError(
    'CELERIS_BENCH_COMPILER',
    "Node's headers are missing (include/node beside its bin folder): set npm_config_nodedir to a folder that has them",
  )
}

// CELERIS_NATIVE_DIR wants the addon under this name in a folder named after its package.
const inNativeFolder = async (addon: string): Promise<string> => {
  const folder = join(cacheFolder(), 'native', basename(addon))
  const target = join(folder, 'engine-epoll', 'celeris.node')
  if (existsSync(target)) return folder
  await mkdir(dirname(target), { recursive: true })
  await copyFile(addon, `${target}.${process.pid}`)
  await rename(`${target}.${process.pid}`, target)
  return folder
}

/**
 * Compiles the engine's own sources, unchanged, with our kernel in memory in the place of the system
 * calls. In a tarball the shared sources lie beside the engine's, in the workspace in its sibling.
 *
 * @throws BenchError `CELERIS_BENCH_COMPILER` without a C++20 compiler, Node's headers or sources.
 */
export const inProcessAddon = async (): Promise<InProcessAddon> => {
  const manifest = createRequire(join(packageRoot, 'package.json')).resolve(
    '@celeris/engine-epoll/package.json',
  )
  const engine = join(dirname(manifest), 'native')
  const packed = join(engine, 'shared')
  const shared = existsSync(packed) ? packed : join(engine, '..', '..', 'engine', 'native')
  const engineSources = ['addon.cc', 'unity.cc', 'epoll_loop.cc', 'epoll_loop.h'].map((file) =>
    join(engine, file),
  )
  if (!engineSources.every(existsSync) || !existsSync(join(shared, 'src')))
    throw new BenchError(
      'CELERIS_BENCH_COMPILER',
      `the sources of @celeris/engine-epoll are not in ${engine}: install it again`,
    )
  const flags = [
    ...FLAGS,
    ...[join(shared, 'include'), join(shared, 'src'), nodeHeaders()].map((path) => `-I${path}`),
  ]
  const [addonSource = '', unitySource = ''] = engineSources
  const addon = await buildOnce({
    name: 'in-process',
    compiler: process.env.CXX || 'c++',
    cure: 'Install one (Debian: apt-get install g++) or set CXX',
    flags: [...FLAGS, ...LINK_FLAGS, process.version],
    sources: [
      ...engineSources,
      ...(await filesOf(join(shared, 'include'))),
      ...(await filesOf(join(shared, 'src'))),
      own('kernel.cc'),
    ],
    calls: (target) => [
      // One addon has one entry point: ours, which calls the engine's under this name.
      [
        ...flags,
        '-Dnapi_register_module_v1=celeris_engine_register',
        '-c',
        '-o',
        `${target}.o`,
        addonSource,
      ],
      [...flags, ...LINK_FLAGS, '-o', target, `${target}.o`, unitySource, own('kernel.cc')],
    ],
  })
  const preload = ['-O2', '-shared', '-fPIC', '-Wall', '-Wextra']
  const allocations = await buildOnce({
    name: 'allocations',
    compiler: compilerName(),
    cure: C_CURE,
    flags: preload,
    sources: [own('allocations.c')],
    calls: (target) => [[...preload, '-o', target, own('allocations.c')]],
  })
  return { folder: await inNativeFolder(addon), allocations }
}
