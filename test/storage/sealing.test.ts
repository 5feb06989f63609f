// Owns what sealing and hashing promise.
import t from 'tap'
import { hashToken } from '../../src/storage/hash.ts'
import { createKeyring, openWithToken, sealWithToken } from '../../src/storage/sealing.ts'

const OLD = 'an old secret key of more than thirty-two characters'
const NEW = 'a new secret key of more than thirty-two characters!'
const keyring = createKeyring([OLD])

t.test('what was sealed opens with the same purpose and record, and with no other', async (t) => {
  const sealed = keyring.seal('signing-key', 'the private key', 'kid-1')
  t.equal(keyring.open('signing-key', sealed, 'kid-1')?.toString(), 'the private key')
  t.equal(keyring.open('credential', sealed, 'kid-1'), null, 'another purpose')
  t.equal(keyring.open('signing-key', sealed, 'kid-2'), null, 'another record')
})

t.test('bytes and the empty text survive', async (t) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
  t.same(keyring.open('p', keyring.seal('p', bytes, ''), ''), Buffer.from(bytes))
  t.equal(keyring.open('p', keyring.seal('p', '', ''), '')?.length, 0)
})

t.test('any altered byte is noticed', async (t) => {
  const sealed = Buffer.from(keyring.seal('p', 'text', 'a'), 'base64url')
  const alter = (index: number) => {
    const altered = Buffer.from(sealed)
    altered[index] = (altered[index] ?? 0) ^ 1
    return altered.toString('base64url')
  }
  t.equal(keyring.open('p', sealed.toString('base64url'), 'a')?.toString(), 'text')
  const opened = Array.from(sealed.keys(), (index) => keyring.open('p', alter(index), 'a'))
  t.same(new Set(opened), new Set([null]))
})

t.test('cut, empty and foreign values open as null', async (t) => {
  const sealed = keyring.seal('p', 'text', 'a')
  for (const value of [
    '',
    'x',
    'not base64url!',
    sealed.slice(0, 20),
    sealed.slice(0, -4),
    `${sealed}AAAA`,
  ]) {
    t.equal(keyring.open('p', value, 'a'), null)
  }
})

t.test('sealing twice gives two values, and none shows the text', async (t) => {
  const one = keyring.seal('p', 'text', 'a')
  t.not(one, keyring.seal('p', 'text', 'a'))
  t.notMatch(Buffer.from(one, 'base64url').toString('latin1'), 'text')
  t.match(one, /^[\w-]+$/)
})

t.test('a new master key seals, the old one still opens, and once removed it does not', async (t) => {
  const before = keyring.seal('p', 'text', 'a')
  const rotated = createKeyring([NEW, OLD])
  t.equal(rotated.open('p', before, 'a')?.toString(), 'text')
  const after = rotated.seal('p', 'text', 'a')
  t.equal(createKeyring([NEW]).open('p', after, 'a')?.toString(), 'text')
  t.equal(createKeyring([NEW]).open('p', before, 'a'), null)
  t.equal(keyring.open('p', after, 'a'), null)
})

t.test('derived keys: one for each master key in order, another one for each purpose', async (t) => {
  const [first, second] = createKeyring([NEW, OLD]).derive('cookies', 32)
  t.same(createKeyring([NEW]).derive('cookies', 32), [first])
  t.same(keyring.derive('cookies', 32), [second])
  t.notSame(keyring.derive('csrf', 32), [second])
  t.equal(first?.length, 32)
})

t.test('a keyring without a key is refused', async (t) => {
  t.throws(() => createKeyring([]))
  t.doesNotThrow(() => createKeyring([NEW]))
})

t.test('what was sealed with a token opens with that token alone', async (t) => {
  const sealed = sealWithToken('presented token', 'its successor')
  t.equal(openWithToken('presented token', sealed)?.toString(), 'its successor')
  t.equal(openWithToken('another token', sealed), null)
  t.equal(openWithToken('presented token', `${sealed.slice(0, -2)}AA`), null)
  t.equal(openWithToken('presented token', ''), null)
})

t.test('a hash is the SHA-256 in base64url', async (t) => {
  // FIPS 180-2, B.1
  t.equal(hashToken('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
  t.not(hashToken('abc'), hashToken('abd'))
})
