// Owns the proof that a signature means the same in both spellings, whatever its numbers are.

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import t from 'tap'
import { derSignature } from '../../src/gateway/ecdsa-signature.ts'

const ROUNDS = 2_000

t.test('what is signed verifies in the other spelling, and with one bit changed it does not', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  let accepted = 0
  let refused = 0
  for (let round = 0; round < ROUNDS; round++) {
    const data = Buffer.from(`message ${round}`)
    const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    if (verify('sha256', data, publicKey, derSignature(signature))) accepted++
    signature.writeUInt8(signature.readUInt8(round % 64) ^ 1, round % 64)
    if (!verify('sha256', data, publicKey, derSignature(signature))) refused++
  }
  t.strictSame([accepted, refused], [ROUNDS, ROUNDS])
})

t.test('numbers are as short as they can be, and never negative', async (t) => {
  const spelled = (r: string, s: string) =>
    derSignature(Buffer.from(r.padStart(64, '0') + s.padStart(64, '0'), 'hex')).toString('hex')
  t.equal(spelled('1', '7f'), '300602010102017f')
  t.equal(spelled('80', 'ff00'), '30090202008002030' + '0ff00')
  t.equal(spelled('', '1'), '3006020100020101')
  t.equal(spelled('f'.repeat(64), '1').slice(0, 10), '3026022100')
})
