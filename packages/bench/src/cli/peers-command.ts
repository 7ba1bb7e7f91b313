import { Command, InvalidArgumentError } from 'commander'
import { installPeers } from '../peers/install.ts'
import { findPeer, installedVersion, type Peer, peerFolder, peers } from '../peers/peer-list.ts'
import { drawTable } from '../report/table.ts'

const collect = (name: string, chosen: readonly Peer[] = []): Peer[] => {
  const peer = findPeer(name)
  if (!peer)
    throw new InvalidArgumentError(
      `"${name}" is unknown; known: ${peers.map((one) => one.name).join(', ')}.`,
    )
  return [...chosen, peer]
}

const list = async (): Promise<void> => {
  const rows = await Promise.all(
    peers.map(async (peer) => [
      peer.name,
      `${peer.package}@${peer.version}`,
      (await installedVersion(peer)) ?? 'no',
    ]),
  )
  process.stdout.write(
    `${drawTable({ head: ['peer', 'package', 'installed'], rows, words: [1, 2] })}\nin ${peerFolder()}\n`,
  )
}

/** `celeris-bench peers`: brings rivals into the bench's own cache. */
export const peersCommand = (): Command =>
  new Command('peers')
    .description("the rival servers: list them, or install them into the bench's own cache")
    .addCommand(new Command('list').description('what is known and installed').action(list))
    .addCommand(
      new Command('install')
        .description('installs all peers, or those named')
        .argument('[names...]', peers.map((peer) => peer.name).join(', '), collect)
        .action(async (chosen: Peer[]) =>
          installPeers(chosen.length ? chosen : peers, (line) => process.stdout.write(`${line}\n`)),
        ),
    )
