// Owns a wire in tests between people and the service, which keeps every byte that the service says.

import { connect, createServer } from 'node:net'
import type { Teardown } from './database.ts'
import { listenLocally } from './local-server.ts'

export interface RecordingProxy {
  readonly port: number
  /** To the port at which the service listens by now. */
  leadTo(port: number): void
  /** All that was answered so far. */
  heard(): string
}

export async function startRecordingProxy(t: Teardown): Promise<RecordingProxy> {
  let target = 0
  const chunks: Buffer[] = []
  const server = createServer((client) => {
    const service = connect(target, '127.0.0.1')
    service.on('data', (chunk) => void chunks.push(chunk))
    client.pipe(service).pipe(client)
    client.on('error', () => service.destroy())
    service.on('error', () => client.destroy())
    client.on('close', () => service.destroy())
  })
  const port = await listenLocally(server)
  t.teardown(() => void server.close())
  return {
    port,
    leadTo(next) {
      target = next
    },
    heard: () => Buffer.concat(chunks).toString('latin1'),
  }
}
