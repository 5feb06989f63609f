// Owns the proof that wrong device codes are counted for each address and for all together (RFC 8628 §5.1).

import t from 'tap'
import { createCodeGuesses, GUESS_WINDOW_SECONDS, GUESSES } from '../../src/consent/code-guesses.ts'
import { openInMemory } from '../../src/sign-in/throttle-store.ts'

const CODES = 20 ** 8

function guessing(limits: { address: number; everybody: number }) {
  return createCodeGuesses(openInMemory()('guesses', GUESS_WINDOW_SECONDS), limits)
}

t.test('what everybody may guess leaves a code that waits more than 20 bits', async (t) => {
  t.ok(Math.log2(CODES / GUESSES.everybody) > 20)
  t.ok(GUESSES.address < GUESSES.everybody)
})

t.test('one address is stopped, the others are not', async (t) => {
  const guesses = guessing({ address: 2, everybody: 100 })
  t.match(await guesses.admit('192.0.2.1'), { kind: 'admitted' })
  t.match(await guesses.admit('192.0.2.1'), { kind: 'admitted' })
  const stopped = await guesses.admit('192.0.2.1')
  t.equal(stopped.kind, 'wait')
  t.ok(stopped.kind === 'wait' && stopped.seconds > 0 && stopped.seconds <= GUESS_WINDOW_SECONDS)
  t.match(await guesses.admit('192.0.2.2'), { kind: 'admitted' })
  t.match(await guesses.admit('2001:db8::1'), { kind: 'admitted' })
  t.match(await guesses.admit('2001:db8::2'), { kind: 'admitted' })
  t.match(await guesses.admit('2001:db8::3'), { kind: 'wait' }, 'a /64 is one address')
})

t.test('many addresses together are stopped, and one alone cannot use up what all have', async (t) => {
  const guesses = guessing({ address: 2, everybody: 4 })
  for (let count = 0; count < 50; count++) await guesses.admit('192.0.2.1')
  t.match(await guesses.admit('192.0.2.2'), { kind: 'admitted' })
  t.match(await guesses.admit('192.0.2.3'), { kind: 'admitted' })
  t.match(await guesses.admit('192.0.2.4'), { kind: 'wait' })
})

t.test('a right code is no guess', async (t) => {
  const guesses = guessing({ address: 1, everybody: 1 })
  for (let count = 0; count < 5; count++) {
    const guess = await guesses.admit('192.0.2.1')
    t.equal(guess.kind, 'admitted')
    if (guess.kind === 'admitted') await guess.right()
  }
  await guesses.admit('192.0.2.1')
  t.match(await guesses.admit('192.0.2.1'), { kind: 'wait' })
})
