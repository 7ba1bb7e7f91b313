import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BenchError } from '../errors.ts'
import { runProgram } from '../tools/run-program.ts'
import { installedVersion, type Peer, peerFile, peerFolder } from './peer-list.ts'

/**
 * Installs peers into the bench's cache with npm, and runs the one script Bun and Deno need to put
 * their binary in place: npm may refuse such scripts by itself.
 *
 * @throws BenchError `CELERIS_BENCH_PEER` when npm or a script fails.
 */
export const installPeers = async (
  wanted: readonly Peer[],
  say: (line: string) => void,
): Promise<void> => {
  const folder = peerFolder()
  await mkdir(folder, { recursive: true })
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) await writeFile(manifest, '{ "private": true }\n')
  for (const peer of wanted) {
    if ((await installedVersion(peer)) === peer.version) {
      say(`${peer.name} ${peer.version} is there already`)
      continue
    }
    say(`installing ${peer.name} ${peer.version} …`)
    const args = ['install', '--no-audit', '--no-fund', '--save-exact', '--prefix', folder]
    const npm = await runProgram('npm', [...args, `${peer.package}@${peer.version}`], {
      cwd: folder,
    })
    if (npm.code !== 0)
      throw new BenchError(
        'CELERIS_BENCH_PEER',
        `npm could not install ${peer.name}:\n${npm.stderr}`,
      )
    await finish(peer)
    say(`${peer.name} ${peer.version} installed`)
  }
}

const finish = async (peer: Peer): Promise<void> => {
  if (!peer.postinstall || !peer.program) return
  const program = peerFile(peer, peer.program)
  const check = await runProgram(program, ['--version'])
  if (check.code === 0) return
  await runProgram(process.execPath, [peerFile(peer, peer.postinstall)], {
    cwd: peerFile(peer, '.'),
  })
  await chmod(program, 0o755).catch(() => undefined)
  const again = await runProgram(program, ['--version'])
  if (again.code !== 0)
    throw new BenchError(
      'CELERIS_BENCH_PEER',
      `${peer.name} was installed but does not run: ${again.stderr}`,
    )
}
