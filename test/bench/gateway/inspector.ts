// Owns asking a Node process, from outside, to collect its garbage: what is left after that is really needed.

import { setTimeout as delay } from 'node:timers/promises'

const OPENING_MS = 500

/** Node opens its inspector at SIGUSR1, on the port of `--inspect-port`, and does nothing for it before. */
export async function collectGarbage(pid: number, port: number): Promise<void> {
  process.kill(pid, 'SIGUSR1')
  await delay(OPENING_MS)
  const [page] = JSON.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).text())
  const socket = new WebSocket(page.webSocketDebuggerUrl)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  // The second time takes what the first one only finalized.
  for (const id of [1, 2]) await ask(socket, id, 'HeapProfiler.collectGarbage')
  socket.close()
}

function ask(socket: WebSocket, id: number, method: string): Promise<unknown> {
  const answered = new Promise<unknown>((resolve) =>
    socket.addEventListener('message', ({ data }) => JSON.parse(String(data)).id === id && resolve(data)),
  )
  socket.send(JSON.stringify({ id, method }))
  return answered
}
