// Owns the tests of what email addresses, names, new passwords and network addresses are taken to be.

import t from 'tap'
import { addressGroup } from '../../src/http/address-group.ts'
import {
  nameFromEmail,
  newEmailProblem,
  newNameProblem,
  typedEmailProblem,
} from '../../src/sign-in/identity.ts'
import { newPasswordProblem } from '../../src/sign-in/new-password.ts'
import { emailKey } from '../../src/storage/users.ts'

t.test('addresses that a person may have', async (t) => {
  for (const email of [
    'alice@example.org',
    ' Alice+mcp@Example.org ',
    'admin@localhost',
    'аlice@example.org',
    'jörg@münchen.example',
  ]) {
    t.equal(newEmailProblem(email), null, email)
    t.equal(typedEmailProblem(email), null, email)
  }
})

t.test(
  'characters that nobody sees are refused in addresses, when creating and when signing in',
  async (t) => {
    const hidden = [
      '\u0000',
      '\u200b',
      '\u200d',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\u00ad',
      '\u3164',
      '\u2028',
      '\n',
      '\ud800',
    ]
    for (const character of hidden) {
      // Its number, because the character itself would be lost in the report.
      const name = `U+${character.charCodeAt(0).toString(16)}`
      t.match(newEmailProblem(`ali${character}ce@example.org`), /cannot be seen/, name)
      t.match(typedEmailProblem(`ali${character}ce@example.org`), /cannot be seen/, name)
      t.match(newNameProblem(`Ali${character}ce`), /cannot be seen/, name)
    }
    t.equal(newEmailProblem('alice@example.org'), null)
    t.equal(newNameProblem('Alice Ångström'), null)
  },
)

t.test('what is no address at all is refused when creating', async (t) => {
  const wrong = [
    'alice',
    '@example.org',
    'alice@',
    'a@b@c',
    'alice @example.org',
    'alice@exam ple',
    '<alice@example.org>',
    'a,b@example.org',
  ]
  for (const email of wrong) t.match(newEmailProblem(email), /like name@example.com/, email)
  t.match(newEmailProblem(''), /Enter your email/)
  t.match(newEmailProblem(`${'a'.repeat(250)}@b.org`), /at most 254/)
  t.equal(newEmailProblem('alice\uff20example.org'), null, 'a fullwidth @ is an @')
})

t.test('spellings that look the same are the same account, others are not', async (t) => {
  const spellings = ['alice@example.org', 'ALICE@example.org', ' alice@EXAMPLE.org', 'ａlice@example.org']
  t.same(new Set(spellings.map(emailKey)), new Set(['alice@example.org']))
  t.not(emailKey('аlice@example.org'), 'alice@example.org', 'a Cyrillic letter is another letter')
})

t.test('a name', async (t) => {
  t.equal(newNameProblem('Alice'), null)
  t.match(newNameProblem('  '), /Enter a name/)
  t.match(newNameProblem('x'.repeat(101)), /at most 100/)
  t.equal(nameFromEmail(' alice@example.org'), 'alice')
})

t.test('a new password is long enough and not among the first guesses, and has no other rules', async (t) => {
  const email = 'alice@example.org'
  for (const good of [
    'correct horse battery',
    'tr0ub4dor',
    'zwölf Boxer',
    '        x y z',
    '龍龍鳳鳳虎虎亀亀',
  ]) {
    t.equal(newPasswordProblem(good, email), null, good)
  }
  const guesses = [
    'Password1',
    'QWERTYUIOP',
    '12345678',
    'aaaaaaaaaa',
    'abababababab',
    email,
    'Alice@Example.org',
    'alicealice',
    'example.org',
    'ｐａｓｓｗｏｒｄ',
  ]
  for (const guess of guesses) t.match(newPasswordProblem(guess, email), /among the first/, guess)
  t.match(newPasswordProblem('short', email), /at least 8/)
  t.match(newPasswordProblem('x'.repeat(1025), email), /at most 1024/)
})

t.test('addresses that one customer has are one origin', async (t) => {
  const cases = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['', 'unknown'],
    ['not an address', 'unknown'],
  ] as const
  for (const [address, group] of cases) t.equal(addressGroup(address), group, address)
})
