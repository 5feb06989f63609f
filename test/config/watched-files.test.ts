// Owns the proof that every way of replacing a file is noticed, and that one that is being written is left alone.

import { appendFile, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { watchFiles } from '../../src/config/watched-files.ts'
import { until } from '../support/until.ts'

/** So long that two looks do not fit into one change, however busy the machine. */
const EVERY_MS = 100

function watching(t: Test, ...files: readonly string[]) {
  const told = { times: 0, errors: 0 }
  const watch = watchFiles({
    files: () => files,
    changed: () => {
      told.times++
    },
    onError: () => {
      told.errors++
    },
    everyMs: EVERY_MS,
  })
  t.teardown(() => watch.stop())
  const next = async (what: string, change: () => Promise<unknown>) => {
    const before = told.times
    await change()
    await until(what, () => told.times > before)
    await delay(EVERY_MS * 4)
    t.equal(told.times, before + 1, `${what}: once`)
  }
  return { told, next, watch }
}

t.test('a file that is written, replaced, removed or touched is noticed once each time', async (t) => {
  const directory = t.testdir({ 'upstreams.json': '1', other: 'x' })
  const file = join(directory, 'upstreams.json')
  const { told, next } = watching(t, file)
  await next('the start', async () => undefined)
  await delay(EVERY_MS * 5)
  t.equal(told.times, 1, 'nothing else happens where nothing changes')

  await next('written in place', () => writeFile(file, '2'))
  await next('replaced by a new file of the same length', async () => {
    await writeFile(`${file}.new`, '3')
    await rename(`${file}.new`, file)
  })
  await next('removed', () => rm(file))
  await next('there again', () => writeFile(file, '4'))
  await next('written with the time of the last one', async () => {
    const past = new Date(2000, 1)
    await writeFile(file, '5')
    await utimes(file, past, past)
  })
  await writeFile(join(directory, 'other'), 'y')
  await delay(EVERY_MS * 5)
  t.equal(told.times, 6, 'what is not watched is not noticed')
})

t.test('a link that is swapped above the file is noticed, as Kubernetes does it', async (t) => {
  const directory = t.testdir({ one: { file: '1' }, two: { file: '2' } })
  await symlink('one', join(directory, '..data'))
  await symlink(join('..data', 'file'), join(directory, 'file'))
  const file = join(directory, 'file')
  const { next } = watching(t, file)
  await next('the start', async () => undefined)
  await next('the swap', async () => {
    await symlink('two', join(directory, '..data_tmp'))
    await rename(join(directory, '..data_tmp'), join(directory, '..data'))
  })
  t.equal(await readFile(file, 'utf8'), '2')
})

t.test('a file is read when nobody writes it any more', async (t) => {
  const directory = t.testdir({ file: '' })
  const file = join(directory, 'file')
  const { told, next } = watching(t, file)
  await next('the start', async () => undefined)
  for (let n = 0; n < 50; n++) {
    await appendFile(file, 'x')
    await delay(EVERY_MS / 10)
  }
  t.equal(told.times, 1, 'each look saw something else')
  await until('it settled', () => told.times === 2)
})

t.test('what goes wrong is told, and the next change is noticed all the same', async (t) => {
  const directory = t.testdir({ file: '' })
  const file = join(directory, 'file')
  let times = 0
  const errors: unknown[] = []
  const watch = watchFiles({
    files: () => [file],
    changed: () => {
      times++
      if (times === 1) throw new Error('broken')
    },
    onError: (error) => void errors.push(error),
    everyMs: EVERY_MS,
  })
  t.teardown(() => watch.stop())
  await until('the first', () => errors.length === 1)
  await writeFile(file, 'x')
  await until('the second', () => times === 2)
  await watch.stop()
  await mkdir(join(directory, 'more'))
  await writeFile(file, 'xy')
  await delay(EVERY_MS * 5)
  t.equal(times, 2, 'stopped is stopped')
})
