// Owns what nginx asks whether a token is good: jose on node:http.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createLocalJWKSet, jwtVerify } from 'jose'

const [port = '0', jwksFile = ''] = process.argv.slice(2)
const keys = createLocalJWKSet(JSON.parse(await readFile(jwksFile, 'utf8')))

const server = createServer((req, res) => {
  const token = req.headers.authorization?.replace(/^Bearer /i, '') ?? ''
  jwtVerify(token, keys, { algorithms: ['ES256'] }).then(
    () => res.writeHead(200).end(),
    () => res.writeHead(401).end(),
  )
})
server.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', () => server.close().closeAllConnections())
